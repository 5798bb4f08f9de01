// generate RUN|MODEL: what a trained model says, from the terminal. Works beside a running backend and without one.
import { readFileSync } from "node:fs";
import { homeAt, type Home } from "../../backend/home.ts";
import { GeneratorProcess } from "../../backend/generation/generatorProcess.ts";
import { weightsDirectory } from "../../backend/generation/weightsDirectory.ts";
import { cleanOutput } from "../../backend/runs/output.ts";
import { GenerationRequest, type GeneratedText, type GenerationAnswer, type GenerationSource } from "../../contract/generation.ts";
import { toIssues } from "../../contract/specIssues.ts";
import { UsageError, type Command, type ParsedCommand } from "../commandLine.ts";
import { findTrainedOnDisk } from "../modelReference.ts";
import { print } from "../print.ts";
import { duration, format } from "../table.ts";

/** Options by the setting that they give. */
const NUMBERS = { beams: "beams", temperature: "temperature", "top-k": "topK", "top-p": "topP", seed: "seed", "max-tokens": "maxTokens", "length-penalty": "lengthPenalty" } as const;

/** @throws UsageError with the option that is wrong. */
function readRequest(parsed: ParsedCommand, source: GenerationSource): GenerationRequest {
  const settings: Record<string, unknown> = {};
  const method = parsed.value("method");
  if (method !== undefined) settings["method"] = method;
  for (const [option, setting] of Object.entries(NUMBERS)) {
    const text = parsed.value(option);
    if (text === undefined) continue;
    const number = Number(text);
    if (text.trim() === "" || !Number.isFinite(number)) throw new UsageError(`"--${option} ${text}" must be a number.`);
    settings[setting] = number;
  }
  const texts = [...parsed.values("input")];
  const file = parsed.value("file");
  if (file !== undefined) texts.push(...readLines(file));
  if (texts.length === 0) throw new UsageError("Give --input TEXT or --file FILE.");
  const request = GenerationRequest.safeParse({ source, texts, settings });
  if (request.success) return request.data;
  const { path, message } = toIssues(request.error)[0]!;
  const setting = path.replace("settings.", "");
  const option = Object.entries(NUMBERS).find(([, name]) => name === setting)?.[0] ?? setting;
  throw new UsageError(path === "texts" ? `${texts.length} texts are too many or none: give 1 to 64.` : `"--${option}": ${message}`);
}

/** A text a line. */
function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").map((line) => line.replace(/\r$/, "")).filter((line) => line !== "");
  } catch (error) {
    throw new Error(`The file ${file} can't be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

/** A run, from the checkpoint that --step chooses, or an imported model. */
function findSource(home: Home, parsed: ParsedCommand): GenerationSource {
  const step = parsed.value("step");
  if (step !== undefined && step !== "newest" && step !== "best" && !/^\d{1,15}$/.test(step)) throw new UsageError(`"--step ${step}" must be a step, "newest" or "best".`);
  const { kind, id } = findTrainedOnDisk(home, parsed.positional[0]!);
  if (kind === "run") return { kind, runId: id, checkpoint: step === undefined || step === "newest" || step === "best" ? step ?? "newest" : Number(step) };
  if (step !== undefined) throw new UsageError("An imported model has one set of weights, so --step chooses nothing.");
  return { kind, modelId: id };
}

/** Generates, with what the model is doing on a terminal's last line. */
function generate(home: Home, request: GenerationRequest, loading: (message: string) => void): Promise<GenerationAnswer> {
  const generator = new GeneratorProcess();
  return new Promise<GenerationAnswer>((resolve, reject) => {
    generator.generate(weightsDirectory(home, request.source), request, {
      push: (push) => {
        if (push.phase === "loading") loading(push.message);
        else if (push.answer.done) resolve(push.answer);
      },
      fail: reject,
    });
  }).finally(() => generator.close());
}

const BOLD = "\u001b[1m", PLAIN = "\u001b[0m";

function readable(text: string, { text: output, filledIn, ended }: GeneratedText, colours: boolean): string {
  const mark = (part: string): string => (colours ? `${BOLD}${part}${PLAIN}` : part);
  return [
    cleanOutput(text), `  → ${cleanOutput(output)}${ended ? "" : " …"}`,
    ...(filledIn ? [`  = ${filledIn.map(({ text, generated }) => (generated ? mark(cleanOutput(text)) : cleanOutput(text))).join("")}`] : []),
  ].join("\n");
}

export const generateCommand: Command = {
  name: "generate", positional: ["RUN|MODEL"], about: "Let a trained model write.",
  details: "The input is what the encoder reads, or what a decoder-only model goes on from. <extra_id_0> is the first hidden span of a model trained by span corruption: --input \"The President <extra_id_0> the Congress\".",
  options: {
    input: { value: "TEXT", about: "What to go on from.", repeated: true },
    file: { value: "FILE", about: "The same, a text a line." },
    step: { value: "N|best", about: "Checkpoint (default: the newest)." },
    method: { value: "NAME", about: "greedy (default), sampling or beam." },
    "max-tokens": { value: "N", about: "Tokens at most, to 4096 (default 64)." },
    beams: { value: "N", about: "Texts that beam search keeps (default 4)." },
    "length-penalty": { value: "X", about: "A beam scores its log-probability ÷ length^X (default 1)." },
    temperature: { value: "X", about: "Sampling: below 1 prefers the probable (default 1)." },
    "top-k": { value: "N", about: "Sampling: among the N most probable tokens alone (default 0: all)." },
    "top-p": { value: "X", about: "Sampling: among the most probable tokens that sum to X (default 1: all)." },
    seed: { value: "N", about: "Sampling: the same seed writes the same text (default 1)." },
  },
  async run(parsed) {
    const home = homeAt(parsed.home);
    const request = readRequest(parsed, findSource(home, parsed));
    const answer = await generate(home, request, (message) => { if (process.stderr.isTTY) process.stderr.write(`${message}\n`); });
    const tokens = answer.texts.reduce((sum, { output }) => sum + output.length, 0);
    print(parsed.json, answer, [
      ...answer.texts.map((text, index) => readable(request.texts[index]!, text, process.stdout.isTTY)),
      `${tokens} tokens in ${answer.seconds < 10 ? `${format(answer.seconds)} s` : duration(answer.seconds)}, ${format(tokens / Math.max(1e-9, answer.seconds))} tokens/s${answer.step === null ? "" : `; checkpoint of step ${answer.step}`}`,
    ].join("\n"));
    return 0;
  },
};
