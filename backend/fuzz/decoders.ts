// The decoders of other trainers' logs under damage: they throw nothing, give only rows that can be stored, and the same however the bytes come in pieces.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { framed } from "../fixtures/scalarRecord.ts";
import { freshState, isStep, MAX_PROBLEMS, MAX_TAG_BYTES, type Decode, type LogRow } from "../imports/logDecoder.ts";
import { decodeTensorBoard } from "../imports/tensorBoard.ts";
import { decodeCsv, decodeJsonLines } from "../imports/textRows.ts";
import { Chance, expectThat } from "./chance.ts";

const folder = join(import.meta.dirname, "../fixtures/logs");
const eventFiles = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.includes("tfevents")).map((name) => readFileSync(join(folder, name)));
const records = eventFiles.flatMap((bytes) => {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += Number(bytes.readBigUInt64LE(at)) + 16) found.push(bytes.subarray(at + 12, at + 12 + Number(bytes.readBigUInt64LE(at))));
  return found;
});

/** Whole files damaged anywhere, or messages damaged under checksums that fit them. */
export function fuzzEventFiles(seed: number): void {
  const chance = new Chance(seed);
  const bytes = chance.odds(0.5) ? chance.damage(chance.pick(eventFiles)) : Buffer.concat(Array.from({ length: 1 + chance.below(8) }, () => framed(chance.damage(chance.pick(records)))));
  decode(decodeTensorBoard, bytes, chance);
}

/** Lines of CSV and JSON, with the odd cell, and damage to their bytes. */
export function fuzzTextLogs(seed: number): void {
  const chance = new Chance(seed), cell = () => chance.pick(["1", "-3.5e300", "NaN", "inf", "", "\"a,\"\"b\"", "loss", "ü", "1e999", "null", "[1]", "{\"a\":1}", String(chance.next())]);
  const names = ["step", "epoch", "loss", "time", "a/b", "__proto__", "constructor", "", "x".repeat(chance.below(600))], json = chance.odds(0.5);
  const line = (step: number) => (json
    ? JSON.stringify(Object.fromEntries(names.map((name) => [name, chance.odds(0.5) ? Number(cell()) : cell()]).concat([["step", step]]))) : [step, ...names.slice(1).map(cell)].join(","));
  const lines = Array.from({ length: chance.below(30) }, (_, step) => line(step));
  const text = chance.damage(Buffer.from([...(json ? [] : [names.join(",")]), ...lines, ""].join(chance.pick(["\n", "\r\n"]))));
  decode(json ? decodeJsonLines() : decodeCsv(), text, chance);
}

function decode(decoder: Decode, bytes: Buffer, chance: Chance): void {
  const whole = decoder(bytes, freshState()), state = freshState(), rows: LogRow[] = [];
  expectThat(whole.consumed <= bytes.length && whole.problems.length <= MAX_PROBLEMS, "More was consumed, or said, than there is.");
  for (const { step, t, values } of whole.rows) {
    expectThat(isStep(step) && (t === null || Number.isFinite(t)), `A row of step ${step} at ${t} can't be stored.`);
    for (const [tag, value] of values) expectThat(typeof value === "number" && Buffer.byteLength(tag) <= 3 * MAX_TAG_BYTES, `The value ${value} of a tag can't be stored.`);
  }
  let held = Buffer.alloc(0);
  for (const piece of chance.pieces(bytes)) {
    held = Buffer.concat([held, piece]);
    const { consumed, rows: more } = decoder(held, state);
    rows.push(...more);
    held = held.subarray(consumed);
  }
  expectThat(JSON.stringify(rows) === JSON.stringify(whole.rows), "In pieces the bytes give other rows than whole.");
}
