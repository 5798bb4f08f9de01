// model import, list, info, delete, export, logits: models that come from elsewhere or go there.
import { readFileSync } from "node:fs";
import type { ModelInspection } from "../../contract/modelFile.ts";
import { sparseIndices, stacksOf } from "../../contract/modelSpec.ts";
import { toIssues } from "../../contract/specIssues.ts";
import { createHome, homeAt } from "../../backend/home.ts";
import { exportModel } from "../../backend/models/exportModel.ts";
import { importModel, inspectModel } from "../../backend/models/importModel.ts";
import { computeLogits, LogitsInput, writeLogits } from "../../backend/models/logits.ts";
import { deleteModel, findModel, listModels } from "../../backend/models/store.ts";
import { openModel, type ModelSource } from "../../backend/models/weights.ts";
import { unreadableReason } from "../../backend/personError.ts";
import { UsageError, type Command, type ParsedCommand } from "../commandLine.ts";
import { findImportedModel, findModelSource } from "../modelReference.ts";
import { print } from "../print.ts";
import { size, table } from "../table.ts";
import { TerminalLine } from "../terminalLine.ts";
import { wholeNumber } from "./runs.ts";

/** Runs `work` with a line of progress on a terminal. */
async function withProgress<T>(words: string, work: (tell: (done: number, total: number) => void) => Promise<T>): Promise<T> {
  const line = new TerminalLine();
  try {
    return await work((done, total) => line.draw(`${words}  ${total > 0 ? Math.min(100, Math.floor(100 * done / total)) : 0} % of ${size(total)}`));
  } finally {
    line.clear();
  }
}

function required(parsed: ParsedCommand, name: string, meaning: string): string {
  const value = parsed.value(name);
  if (value === undefined) throw new UsageError(`Give --${name} ${meaning}.`);
  return value;
}

/** What a model is, a fact a line. */
function facts({ name, source, model, vocabularySize, padToken, startToken, endToken, tokenizer, parameters }: ModelInspection, more: [string, string][] = []): string {
  const { sparse } = model;
  const layers = stacksOf(model).map(({ stack, layers }) => `${layers} ${stack}${sparse ? ` (sparse: ${sparseIndices(model, stack, layers).join(" ") || "none"})` : ""}`).join(", ");
  const lines: [string, string][] = [
    ["name", name], ...more, ["from", source], ["parameters", parameters.toLocaleString("en")], ["layers", layers],
    ["sizes", `d_model ${model.dModel}, d_ff ${model.dFf}, ${model.heads} heads of ${model.dKv}`], ["feed-forward", model.feedForward],
    ["experts", sparse ? `${sparse.experts}, ${sparse.fixedCapacity} places each a ${sparse.capacityGroup}` : "none"],
    ["head", model.tiedEmbeddings ? `tied${model.rescaledHead ? ", rescaled" : ""}` : `its own${model.sharedEmbeddings ? "" : ", an embedding for each stack"}`],
    ["vocabulary", `${vocabularySize}; padding ${padToken}, start ${startToken}, end ${endToken}`],
    ["tokenizer", tokenizer === null ? "none" : tokenizer.kind === "huggingface" ? tokenizer.path : tokenizer.kind],
  ];
  return lines.map(([word, value]) => `${word.padEnd(13)} ${value}`).join("\n");
}

const importing: Command = {
  name: "model import", positional: ["DIR"], about: "Import a model that transformers saved (SwitchTransformers or T5).",
  details: "Reads config.json, model.safetensors or its several files, and tokenizer.json. A pickle (.bin, .pt) is refused with the way to convert it.",
  options: { name: { value: "NAME", about: "Name of the model (default: the folder's)." } },
  async run({ positional, json, home: directory, value }) {
    const home = homeAt(directory), name = value("name")?.trim();
    if (name !== undefined && (name === "" || name.length > 200)) throw new UsageError("A name has 1 to 200 characters.");
    createHome(home);
    const id = await withProgress("importing", (tell) => importModel(home, positional[0]!, name, tell));
    const { file } = findModel(home, id);
    print(json, { modelId: id, ...file }, id);
    return 0;
  },
};

const list: Command = {
  name: "model list", positional: [], about: "List the imported models, newest first.", options: {},
  async run({ json, home }) {
    const files = listModels(homeAt(home)).map(({ file }) => file);
    print(json, files, files.length === 0
      ? "There are no imported models yet. Import one with: switchyard model import DIR"
      : table(["id", "parameters", "experts", "tokenizer", "name"], files.map((file) => [file.id, file.parameters, file.model.sparse?.experts ?? 0, file.tokenizer ? "yes" : "no", file.name])));
    return 0;
  },
};

const info: Command = {
  name: "model info", positional: ["DIR|ID"], about: "Show what a folder or an imported model holds.", options: {},
  async run({ positional, json, home: directory }) {
    const home = homeAt(directory), source = findModelSourceOrFolder(positional[0]!, home);
    if (source.kind === "folder") {
      const inspection = await inspectModel(source.directory);
      print(json, inspection, facts(inspection));
      return 0;
    }
    const { file, directory: folder } = findModel(home, source.id);
    print(json, { ...file, directory: folder }, facts(file, [
      ["id", file.id], ["imported", new Date(file.importedAt * 1000).toISOString()], ["folder", folder], ["files", file.files.map(({ name, bytes }) => `${name} ${size(bytes)}`).join(", ")],
    ]));
    return 0;
  },
};

/** A run is looked at by "runs show", so what is no imported model is a folder here. */
function findModelSourceOrFolder(reference: string, home: ReturnType<typeof homeAt>): Extract<ModelSource, { kind: "folder" | "model" }> {
  const source = findModelSource(home, reference, null);
  if (source.kind === "run") throw new Error(`"${reference}" is a run; "switchyard runs show ${reference}" shows it.`);
  return source;
}

const remove: Command = {
  name: "model delete", positional: ["ID"], about: "Remove an imported model for good.", options: {},
  async run({ positional, json, home: directory }) {
    const home = homeAt(directory), { file } = findImportedModel(home, positional[0]!);
    deleteModel(home, file.id);
    print(json, { modelId: file.id, deleted: true }, `"${file.name}" was removed.`);
    return 0;
  },
};

const STEP = { step: { value: "N", about: "A run's checkpoint (default: the newest that is whole)." } };

const exporting: Command = {
  name: "model export", positional: ["RUN|ID", "DIR"], about: "Export a run or an imported model for transformers.",
  details: "Writes config.json, safetensors and tokenizer.json into a new folder that from_pretrained opens. What transformers computes otherwise is said.",
  options: { format: { value: "huggingface", about: "The layout; there is one." }, ...STEP },
  async run(parsed) {
    const layout = required(parsed, "format", "huggingface");
    if (layout !== "huggingface") throw new UsageError(`"--format ${layout}" must be huggingface.`);
    const home = homeAt(parsed.home), source = findModelSource(home, parsed.positional[0]!, wholeNumber(parsed, "step", 0) ?? null);
    const exported = await withModel(home, source, (opened) => exportModel(opened, parsed.positional[1]!));
    for (const note of exported.notes) process.stderr.write(`${note}\n`);
    print(parsed.json, exported, [exported.directory, ...exported.files.map(({ name, bytes }) => `  ${name}  ${size(bytes)}`)].join("\n"));
    return 0;
  },
};

const logits: Command = {
  name: "model logits", positional: [], about: "Compute a model's logits for given token ids.",
  details: 'The input is {"input_ids": [[...]], "decoder_input_ids": [[...]]}, rows of any length; shorter ones are padded at the right. Encoder tokens that equal\n'
    + 'the padding token are masked, and those to which "attention_mask" gives 0. The output is {"logits": [...]}: rows × decoder tokens × vocabulary.',
  options: {
    model: { value: "DIR|ID|RUN", about: "A folder in transformers' layout, an imported model or a run." }, input: { value: "FILE.json", about: "Token ids." },
    output: { value: "FILE.json", about: "Where the logits go." }, ...STEP,
  },
  async run(parsed) {
    const home = homeAt(parsed.home), output = required(parsed, "output", "FILE.json"), input = readInput(required(parsed, "input", "FILE.json"));
    const source = findModelSource(home, required(parsed, "model", "DIR|ID|RUN"), wholeNumber(parsed, "step", 0) ?? null);
    const found = await withModel(home, source, (opened) => computeLogits(opened, input));
    writeLogits(output, found);
    const shape = [found.batchSize, found.length, found.vocabularySize];
    print(parsed.json, { output, shape }, `${output}: ${shape.join(" × ")} logits`);
    return 0;
  },
};

async function withModel<T>(home: ReturnType<typeof homeAt>, source: ModelSource, work: (opened: Awaited<ReturnType<typeof openModel>>) => Promise<T>): Promise<T> {
  const opened = await withProgress("reading the weights", (tell) => openModel(home, source, tell));
  try {
    return await work(opened);
  } finally {
    opened.close();
  }
}

function readInput(file: string): LogitsInput {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(error instanceof SyntaxError ? `The file ${file} is not JSON: ${error.message}.` : `The file ${file} can't be read (${unreadableReason(error)}).`);
  }
  const parsed = LogitsInput.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  if (issue.code === "unrecognized_keys") throw new Error(`The file ${file} has "${issue.keys[0]}", which is not known here; it may hold ${Object.keys(LogitsInput.shape).join(", ")}.`);
  // The rest is said by the schema itself.
  const message = issue.code === "invalid_type" ? toIssues(parsed.error)[0]!.message : `${issue.message}.`;
  throw new Error(`The file ${file} does not fit at ${issue.path.join(".") || "its top"}: ${message}`);
}

export const modelCommands: readonly Command[] = [importing, list, info, remove, exporting, logits];
