// One request after another on one loaded model: weights are read when they differ from the last request's.
import type { GenerationAnswer, GenerationPush, GeneratorCommand, TextToken } from "../../contract/generation.ts";
import type { Engine, GeneratedSequence, TokenRouting } from "../../native/switchyard.d.ts";
import { RunFailure } from "../failure.ts";
import { findWeights, type Weights } from "./source.ts";
import { encodeText, fillIn, textOf, tokenTexts, type TokenText } from "./text.ts";

const NATIVE = new URL("../../native/load.ts", import.meta.url).href;
/** What has come is told this often, and less often the longer it is: each time all of it is told. */
const TELL_MILLISECONDS = 120, TOKENS_TO_DOUBLE = 512;
/** Steps between two looks at the clock and at whether the request was cancelled, at most. */
const MOST_STEPS = 32;

type Request = Extract<GeneratorCommand, { type: "generate" }>;

/** Tokens of one text, and how many of the decoder's places they take up. */
interface Prepared { ids: number[]; shown: TokenText[] }

export class Generator {
  readonly #threads: number;
  #loaded: { key: string; engine: Engine } | null = null;

  constructor(threads: number) {
    this.#threads = threads;
  }

  /** Generates and pushes what there is, the last time with `done`. Ends early, without `done`, once `cancelled` says so. */
  async generate(request: Request, push: (push: GenerationPush) => void, cancelled: () => boolean): Promise<void> {
    const weights = findWeights(request.directory, request.source, this.#threads);
    const engine = await this.#engineOf(weights, push);
    if (cancelled()) return;
    const { tokenizer, config: { model, startToken } } = weights;
    const encoder = model.architecture === "encoder-decoder";
    const prepared = request.texts.map((text): Prepared => {
      const ids = encodeText(tokenizer, text);
      // As in training: the encoder's input ends with the end token; the decoder reads behind its start token.
      const whole = encoder ? [...ids, weights.endToken] : [startToken, ...ids];
      return { ids: encoder ? whole : ids, shown: tokenTexts(tokenizer, whole) };
    });
    const sequences = prepared.map(({ ids }) => Int32Array.from(ids));
    const began = performance.now();
    await engine.startGeneration({ ...(encoder ? { input: sequences } : { prompt: sequences }), endToken: weights.endToken, ...request.settings });
    const read = performance.now();
    for (let steps = 1, told = read; ;) {
      if (cancelled()) return await engine.stopGeneration();
      const before = performance.now();
      const state = await engine.continueGeneration(steps);
      const now = performance.now();
      const length = state.sequences.reduce((sum, { tokens }) => sum + tokens.length, 0);
      if (state.done || now - told >= TELL_MILLISECONDS * (1 + length / TOKENS_TO_DOUBLE)) {
        told = now;
        push({ phase: "text", answer: answerOf(weights, encoder, prepared, state.sequences, state.done, (read - began) / 1000, (now - read) / 1000) });
      }
      if (state.done) return;
      steps = Math.max(1, Math.min(MOST_STEPS, Math.floor(steps * TELL_MILLISECONDS / 2 / Math.max(1, now - before))));
    }
  }

  /** The engine with these weights; the one before is let go first, so that two never take memory. */
  async #engineOf(weights: Weights, push: (push: GenerationPush) => void): Promise<Engine> {
    if (this.#loaded?.key === weights.key) return this.#loaded.engine;
    this.#loaded?.engine.dispose();
    this.#loaded = null;
    push({ phase: "loading", message: weights.step === null ? "Reading the model…" : `Reading the checkpoint of step ${weights.step.toLocaleString("en")}…` });
    const wrong = await weights.damage();
    if (wrong !== null) throw new RunFailure("checkpoint-error", `The weights in ${weights.folder} are damaged (${wrong}); choose another checkpoint.`);
    const { Engine } = await import(NATIVE) as typeof import("../../native/switchyard.d.ts");
    const engine = await Engine.create(weights.config);
    try {
      await engine.load(weights.folder);
    } catch (error) {
      engine.dispose();
      throw error;
    }
    this.#loaded = { key: weights.key, engine };
    return engine;
  }
}

function answerOf({ step, tokenizer }: Weights, encoder: boolean, prepared: readonly Prepared[], sequences: readonly GeneratedSequence[], done: boolean, promptSeconds: number, seconds: number): GenerationAnswer {
  const layers = (sequences[0]?.routing ?? []).map(({ stack, layer, experts }) => ({ stack, layer, experts }));
  const texts = sequences.map(({ tokens, logProbabilities, score, ended, routing }, index) => {
    const { shown } = prepared[index]!;
    const output = tokenTexts(tokenizer, tokens);
    const decoder = routing.filter(({ stack }) => stack === "decoder");
    // The decoder's places: its start token and the prompt, then what was generated.
    const prompt = encoder ? 1 : shown.length;
    return {
      input: shown.map((token, place) => withRouting(token, null, encoder ? routing.filter(({ stack }) => stack === "encoder") : decoder, place)),
      output: output.map((token, place) => withRouting(token, logProbabilities[place]!, decoder, prompt + place)),
      text: textOf(tokenizer, output), filledIn: fillIn(tokenizer, shown, output), score, ended,
    };
  });
  return { done, step, layers, texts, promptSeconds, seconds };
}

function withRouting({ id, text, name }: TokenText, logProbability: number | null, layers: readonly TokenRouting[], place: number): TextToken {
  const read = layers.some(({ chosen }) => place < chosen.length);
  return {
    id, text, name, logProbability,
    experts: read ? layers.map(({ chosen }) => chosen[place] ?? []) : [],
    dropped: layers.flatMap(({ dropped }, layer) => (dropped.includes(place) ? [layer] : [])),
  };
}
