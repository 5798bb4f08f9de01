// The data of a spec, ready to be trained on, whatever its kind.
import type { RunSpec } from "../../contract/runSpec.ts";
import { Batches, type BatchSource } from "./batches.ts";
import { openCorpus } from "./corpus.ts";
import { ImageBatches } from "./imageBatches.ts";
import type { Images } from "./images.ts";
import { PairBatches } from "./pairBatches.ts";
import { openPairs } from "./pairs.ts";
import { defaultCache, type Progress } from "./prepared.ts";
import type { TextTokenizer } from "./tokenizer.ts";

export interface OpenedData {
  batches: BatchSource;
  /** What the person is told of it. */
  notes: { level: "info" | "warning"; message: string }[];
  close(): void;
}

/** @param images those of the spec's source, which the model was built for; null for text. */
export const openData = async (spec: RunSpec, tokenizer: TextTokenizer, images: Images | null, progress: Progress): Promise<OpenedData> =>
  images ? openImages(spec, images) : spec.data.source.kind === "jsonl" ? openText2Text(spec, spec.data.source, tokenizer, progress) : openText(spec, tokenizer, progress);

const count = (number: number): string => number.toLocaleString("en");
const cachedWords = (cached: boolean): string => (cached ? ", prepared before" : "");

function openImages({ data, model, training, seed }: RunSpec, images: Images): OpenedData {
  const { height, width, channels, classes } = images.facts;
  const batches = new ImageBatches(images, model.patchSize, data.evaluationFraction, seed, training.batchSize, training.evaluationBatches);
  const message = `Images: ${count(images.count)} of ${height} × ${width} pixels${channels > 1 ? ` in ${channels} channels` : ""}, ${count(batches.heldOut.length)} held out, ${classes} classes.`;
  return { batches, notes: [{ level: "info", message }], close: () => undefined };
}

async function openText({ data, training, seed }: RunSpec, tokenizer: TextTokenizer, progress: Progress): Promise<OpenedData> {
  const corpus = await openCorpus(data, tokenizer, defaultCache(), progress), { index } = corpus;
  const notes: OpenedData["notes"] = [{ level: "info", message: `Text: ${index.documents} documents, ${index.heldOutDocuments} held out, ${count(index.training)} training tokens${cachedWords(corpus.cached)}.` }];
  if (index.invalidBytes) notes.push({ level: "warning", message: `${index.invalidBytes} bytes in ${index.invalidFiles} files are not valid UTF-8 and were replaced.` });
  return { batches: new Batches(corpus, data, seed, training.batchSize, training.evaluationBatches), notes, close: () => corpus.close() };
}

async function openText2Text({ data, model, training, seed }: RunSpec, source: Parameters<typeof openPairs>[1], tokenizer: TextTokenizer, progress: Progress): Promise<OpenedData> {
  const pairs = await openPairs(data, source, tokenizer, defaultCache(), progress), { index } = pairs;
  const batches = new PairBatches(pairs, data, model.architecture, seed, training.batchSize, training.evaluationBatches), truncated = batches.truncated();
  const notes: OpenedData["notes"] = [{ level: "info", message: `Pairs: ${count(index.training)} to train on, ${count(index.evaluation)} held out${cachedWords(pairs.cached)}.` }];
  if (index.badLines) notes.push({ level: "warning", message: `${count(index.badLines)} of ${count(index.lines)} lines were left out; the first is ${index.firstBad}.` });
  if (index.invalidBytes) notes.push({ level: "warning", message: `${index.invalidBytes} bytes are not valid UTF-8 and were replaced.` });
  if (truncated.training + truncated.evaluation) notes.push({ level: "warning", message: `${count(truncated.training)} training and ${count(truncated.evaluation)} held-out pairs are longer than the model's sequences and are cut.` });
  return { batches, notes, close: () => pairs.close() };
}
