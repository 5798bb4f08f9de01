// Batches as a pure function of (seed, position): resuming at a position repeats exactly what would have come.
import type { Batch } from "../../native/switchyard.d.ts";
import type { DataSpec } from "../../contract/runSpec.ts";
import { RunFailure } from "../failure.ts";
import type { Corpus } from "./corpus.ts";
import { CounterRandom, mix, permute } from "./random.ts";
import { corrupt, fitSegment, spanLengths, type SpanLengths } from "./spanCorruption.ts";
import type { TokenStream } from "./tokenFile.ts";

const SHUFFLE = 1, OFFSET = 2, NOISE = 3, EVALUATION = 4;
/** Fewest tokens that make an example worth training on. */
const SHORTEST = 8;

/** What the loop asks of any kind of data. */
export interface BatchSource {
  /** Distinct batches of held-out examples; fewer than asked for where there are few. */
  readonly evaluationBatches: number;
  /** Training batch of examples position … position + batchSize − 1, the same whenever it is asked for. */
  training(position: number): Batch;
  /** Held-out batch `index`, the same for every run with this data and these lengths, whatever its seed. */
  evaluation(index: number): Batch;
  /** Tokens that the model reads or predicts in a batch, padding left out. */
  tokensIn(batch: Batch): number;
}

export class Batches implements BatchSource {
  readonly batchSize: number;
  /** Tokens of text in one example. */
  readonly rawLength: number;
  readonly examplesPerEpoch: number;
  readonly evaluationBatches: number;
  readonly #data: DataSpec;
  readonly #corpus: Corpus;
  readonly #seed: number;
  readonly #spans: SpanLengths | null;
  readonly #evaluationLength: number;

  constructor(corpus: Corpus, data: DataSpec, seed: number, batchSize: number, evaluationBatches: number) {
    const { tokenizer, training, evaluation } = corpus;
    this.#corpus = corpus;
    this.#data = data;
    this.#seed = seed;
    this.batchSize = batchSize;
    if (data.objective === "span-corruption") {
      this.#spans = fitSegment(data.inputLength, data.targetLength, data.corruptionRate, data.meanSpanLength, tokenizer.sentinels.length);
      if (!this.#spans) throw new RunFailure("spec-error", `No corrupted segment fits an input of ${data.inputLength} and a target of ${data.targetLength} tokens; make the lengths larger.`);
      this.rawLength = this.#spans.rawLength;
    } else {
      this.#spans = null;
      this.rawLength = data.targetLength;
    }
    if (training.length < this.rawLength)
      throw new RunFailure("data-error", `The training text has ${training.length} tokens, fewer than the ${this.rawLength} of one example; add text or shorten the sequences.`);
    if (evaluation.length < Math.min(SHORTEST, this.rawLength))
      throw new RunFailure("data-error", `The held-out text has only ${evaluation.length} tokens; add text or hold out a larger part.`);
    this.examplesPerEpoch = Math.floor(training.length / this.rawLength);
    this.#evaluationLength = Math.min(this.rawLength, evaluation.length);
    const windows = Math.floor(evaluation.length / this.#evaluationLength);
    this.evaluationBatches = Math.min(evaluationBatches, Math.ceil(windows / batchSize));
  }

  training(position: number): Batch {
    const { training } = this.#corpus;
    return this.#batch((row) => {
      const at = position + row, epoch = Math.floor(at / this.examplesPerEpoch), index = at % this.examplesPerEpoch;
      const window = permute(index, this.examplesPerEpoch, mix(this.#seed, SHUFFLE, epoch));
      // Windows begin elsewhere in each epoch, so that their edges are not always at the same words.
      const slack = training.length - this.examplesPerEpoch * this.rawLength + 1;
      const offset = new CounterRandom(this.#seed, OFFSET, epoch).below(slack);
      return { stream: training, start: offset + window * this.rawLength, length: this.rawLength, random: new CounterRandom(this.#seed, NOISE, Math.floor(at / 2 ** 32), at) };
    });
  }

  evaluation(index: number): Batch {
    const { evaluation } = this.#corpus, length = this.#evaluationLength, windows = Math.floor(evaluation.length / length);
    return this.#batch((row) => {
      const at = index * this.batchSize + row;
      return { stream: evaluation, start: (at % windows) * length, length, random: new CounterRandom(EVALUATION, at) };
    });
  }

  tokensIn(batch: Batch): number { return countTokens(batch, this.#corpus.tokenizer.pad); }

  #batch(example: (row: number) => { stream: TokenStream; start: number; length: number; random: CounterRandom }): Batch {
    const { inputLength, targetLength, corruptionRate, meanSpanLength } = this.#data, { pad, end, sentinels } = this.#corpus.tokenizer;
    const labels = new Int32Array(this.batchSize * targetLength).fill(pad);
    const input = this.#spans ? new Int32Array(this.batchSize * inputLength).fill(pad) : null;
    for (let row = 0; row < this.batchSize; row++) {
      const { stream, start, length, random } = example(row);
      const raw = stream.read(start, length);
      const target = labels.subarray(row * targetLength, (row + 1) * targetLength);
      if (!input) { target.set(raw); continue; }
      const lengths = length === this.rawLength ? this.#spans! : spanLengths(length, corruptionRate, meanSpanLength);
      corrupt(raw, lengths, sentinels, end, random, input.subarray(row * inputLength, (row + 1) * inputLength), target);
    }
    return { ...(input ? { input, inputLength } : {}), labels, labelLength: targetLength, batchSize: this.batchSize };
  }
}

/** Tokens of a batch that are not padding, what is read and what is predicted together. */
export function countTokens({ input, labels, decoderInput }: Batch, pad: number): number {
  let tokens = 0;
  for (const id of input ?? []) if (id !== pad) tokens++;
  labels.forEach((id, i) => { if (id !== pad || (decoderInput && decoderInput[i] !== pad)) tokens++; });
  return tokens;
}
