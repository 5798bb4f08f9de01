// A TensorBoard event file as large as one asks for: scalars alone, one a record, as PyTorch's and MaxText's writers leave them.
import { closeSync, openSync, writeSync } from "node:fs";
import { maskedCrc32c } from "../backend/imports/crc32c.ts";
import { random } from "../backend/fixtures/writeRun.ts";

/** MaxText's scalars of a step. */
const TAGS = [
  "learning/loss", "learning/lm_loss", "learning/moe_lb_loss", "learning/total_weights", "learning/grad_norm", "learning/raw_grad_norm", "learning/param_norm",
  "learning/current_learning_rate", "perf/step_time_seconds", "perf/per_device_tflops", "perf/per_device_tflops_per_sec", "perf/per_device_tokens", "perf/per_device_tokens_per_sec",
].map((tag) => Buffer.from(tag));
const BLOCK_BYTES = 1 << 20;

/** Writes at least `bytes` bytes, whole steps. @returns how many scalars they are */
export function writeScalarLog(file: string, bytes: number): number {
  const block = Buffer.alloc(BLOCK_BYTES + 8192), next = random(5), descriptor = openSync(file, "w");
  let scalars = 0, written = 0;
  for (let step = 0; written < bytes;) {
    let at = 0;
    for (; at < BLOCK_BYTES && written + at < bytes; step++)
      for (const tag of TAGS) {
        at = writeRecord(block, at, tag, step, 2 + 3 * Math.exp(-step / 50_000) + next());
        scalars++;
      }
    written += writeSync(descriptor, block, 0, at);
  }
  closeSync(descriptor);
  return scalars;
}

/** An Event of wall time, step and one simple_value. @returns where the next record begins */
function writeRecord(to: Buffer, begin: number, tag: Buffer, step: number, value: number): number {
  let at = begin + 12;
  to[at++] = (1 << 3) | 1;
  at = to.writeDoubleLE(1_790_000_000 + step * 0.25, at);
  to[at++] = 2 << 3;
  at = writeVarint(to, at, step);
  const valueBytes = 2 + tag.length + 5;
  to[at++] = (5 << 3) | 2;
  to[at++] = valueBytes + 2;
  to[at++] = (1 << 3) | 2;
  to[at++] = valueBytes;
  to[at++] = (1 << 3) | 2;
  to[at++] = tag.length;
  at += tag.copy(to, at);
  to[at++] = (2 << 3) | 5;
  at = to.writeFloatLE(value, at);
  to.writeUInt32LE(at - begin - 12, begin);
  to.writeUInt32LE(0, begin + 4);
  to.writeUInt32LE(maskedCrc32c(to, begin, begin + 8), begin + 8);
  to.writeUInt32LE(maskedCrc32c(to, begin + 12, at), at);
  return at + 4;
}

function writeVarint(to: Buffer, at: number, value: number): number {
  for (; value > 127; value >>>= 7) to[at++] = (value & 127) | 128;
  to[at++] = value;
  return at;
}
