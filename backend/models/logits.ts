// Logits of a model for given token ids, for holding it against another implementation.
import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { z } from "zod";
import { RunSpec } from "../../contract/runSpec.ts";
import { PersonError } from "../personError.ts";
import { checkDecoderMask, maskedInput } from "./attentionMask.ts";
import { loadNative } from "./huggingFaceFolder.ts";
import type { OpenedModel } from "./weights.ts";

const rowsOf = (value: z.ZodType<number>) => z.array(z.array(value).min(1, { error: "is empty" })).min(1).max(100_000);
const rows = rowsOf(z.int().min(0)), mask = rowsOf(z.union([z.literal(0), z.literal(1)], { error: "must be 0 or 1" }));
export const LogitsInput = z.strictObject({ input_ids: rows.optional(), attention_mask: mask.optional(), decoder_input_ids: rows, decoder_attention_mask: mask.optional() });
export type LogitsInput = z.output<typeof LogitsInput>;

/** Logits [B][T][vocabulary], in memory row-major; `length` is T, the longest row's tokens. */
export interface Logits { values: Float32Array; batchSize: number; length: number; vocabularySize: number }

/** Rows padded at the right to one length. @throws PersonError that names the row with a token outside the vocabulary. */
function rectangle(name: string, rows: number[][], { vocabularySize, padToken }: OpenedModel): { ids: Int32Array; length: number } {
  const length = Math.max(...rows.map((row) => row.length)), ids = new Int32Array(rows.length * length).fill(padToken);
  for (const [index, row] of rows.entries()) {
    const outside = row.find((id) => id >= vocabularySize);
    if (outside !== undefined) throw new PersonError(`${name}[${index}] holds token ${outside}, outside the model's vocabulary of ${vocabularySize}.`);
    ids.set(row, index * length);
  }
  return { ids, length };
}

/**
 * Computes them as in an evaluation. Encoder tokens that equal the padding token, and those that `attention_mask` gives 0, are masked; the
 * decoder attends to all tokens before.
 * @throws PersonError, one sentence.
 */
export async function computeLogits(opened: OpenedModel, input: LogitsInput): Promise<Logits> {
  const { model, vocabularySize, padToken, startToken, weights } = opened, batchSize = input.decoder_input_ids.length;
  const encoder = model.architecture === "encoder-decoder";
  if (encoder && !input.input_ids) throw new PersonError("input_ids is missing: the model is an encoder-decoder.");
  if (!encoder && input.input_ids) throw new PersonError("The model is decoder-only and reads decoder_input_ids alone; leave input_ids out.");
  if (input.input_ids && input.input_ids.length !== batchSize) throw new PersonError(`input_ids has ${input.input_ids.length} rows and decoder_input_ids ${batchSize}; give as many of each.`);
  if (input.attention_mask && !input.input_ids) throw new PersonError("attention_mask belongs to input_ids, which a decoder-only model does not read; leave it out.");
  if (input.decoder_attention_mask) checkDecoderMask(input.decoder_input_ids, input.decoder_attention_mask);
  const encoderIds = input.input_ids && (input.attention_mask ? maskedInput(input.input_ids, input.attention_mask, model, padToken) : input.input_ids);
  const decoder = rectangle("decoder_input_ids", input.decoder_input_ids, opened), read = encoderIds && rectangle("input_ids", encoderIds, opened);
  const { Engine } = await loadNative();
  const engine = await Engine.create({
    seed: 1, device: "auto", model, vocabularySize, padToken, startToken, capacityFactorGrid: [], training: RunSpec.parse({}).training, inference: true,
  });
  try {
    await engine.start(weights);
    const values = await engine.logits({
      batchSize, decoderInput: decoder.ids, decoderLength: decoder.length, ...(read ? { input: read.ids, inputLength: read.length } : {}),
    });
    return { values, batchSize, length: decoder.length, vocabularySize };
  } finally {
    engine.dispose();
  }
}

/** Writes {"logits": [B][T][V]}, a token's row at a time: the whole text can be longer than a string may be. */
export function writeLogits(file: string, { values, batchSize, length, vocabularySize }: Logits): void {
  const aside = `${file}.${process.pid}.tmp`, descriptor = openSync(aside, "w", 0o644);
  try {
    writeSync(descriptor, '{"logits":[');
    for (let b = 0; b < batchSize; b++) {
      writeSync(descriptor, b === 0 ? "[" : ",[");
      for (let t = 0; t < length; t++) {
        const start = (b * length + t) * vocabularySize;
        writeSync(descriptor, `${t === 0 ? "" : ","}${JSON.stringify(Array.from(values.subarray(start, start + vocabularySize)))}`);
      }
      writeSync(descriptor, "]");
    }
    writeSync(descriptor, "]}\n");
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  renameSync(aside, file);
}
