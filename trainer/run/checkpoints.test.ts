// What is wrong with a checkpoint's files, told apart from what ends the search.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { StopAsked } from "../failure.ts";
import { damageOf, type StoredCheckpoint } from "./checkpoints.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true }));
const content = Buffer.alloc(3_000_000, 7), file = join(folder, "model.safetensors");
const checkpoint: StoredCheckpoint = { folder, manifest: {
  v: 1, step: 5, attempt: 1, t: 1, engine: "switchyard", tokens: 1, seconds: 1, position: {}, evaluationLoss: null,
  files: [{ name: "model.safetensors", bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") }],
} };
beforeEach(() => writeFileSync(file, content));

test("a whole checkpoint, with progress to its end", async () => {
  const seen: number[] = [];
  expect(await damageOf(checkpoint, (done, total) => seen.push(done / total))).toBeNull();
  expect(seen.length).toBeGreaterThan(1);
  expect(seen.at(-1)).toBe(1);
});
test.each<[string, () => void, string]>([
  ["a flipped byte", () => writeFileSync(file, Buffer.concat([Buffer.from([8]), content.subarray(1)])), "model.safetensors does not match its checksum"],
  ["a cut file", () => truncateSync(file, 10), "model.safetensors has another size than recorded"],
  ["a longer file", () => writeFileSync(file, Buffer.concat([content, Buffer.from("x")])), "model.safetensors has another size than recorded"],
  ["no file", () => rmSync(file), "model.safetensors can't be read (ENOENT)"],
])("%s", async (_what, damage, sentence) => {
  damage();
  expect(await damageOf(checkpoint)).toBe(sentence);
});
test.each<[string, Error]>([["a stop", new StopAsked()], ["a full disk", Object.assign(new Error("write ENOSPC"), { code: "ENOSPC" })]])("%s meanwhile says nothing about the checkpoint", async (_what, error) => {
  await expect(damageOf(checkpoint, () => { throw error; })).rejects.toBe(error);
});
