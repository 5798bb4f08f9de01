import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { framed, scalarRecord, varint } from "../fixtures/scalarRecord.ts";
import { random } from "../fixtures/writeRun.ts";
import { crc32c, maskedCrc32c } from "./crc32c.ts";
import { ImportState } from "./importState.ts";
import { freshState, MAX_RECORD_BYTES, type LogRow } from "./logDecoder.ts";
import { decodeTensorBoard } from "./tensorBoard.ts";

const logs = join(import.meta.dirname, "../fixtures/logs");
const fixture = (folder: string, index = 0) => readFileSync(join(logs, folder, readdirSync(join(logs, folder)).sort()[index]!));
const whole = (bytes: Buffer) => decodeTensorBoard(bytes, freshState());
const values = (rows: LogRow[], tag: string) => rows.flatMap((row) => row.values.filter(([name]) => name === tag).map(([, value]) => value));

test("CRC-32C gives the values of RFC 3720 appendix B.4, at any length", () => {
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i)))).toBe(0x46dd794e);
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
});

test("CRC-32C eight bytes at a time is that of one bit at a time, from anywhere to anywhere", () => {
  const next = random(3), bytes = Buffer.from(Array.from({ length: 300 }, () => Math.floor(next() * 256)));
  const slow = (begin: number, end: number) => {
    let crc = 0xffffffff;
    for (let at = begin; at < end; at++) {
      crc ^= bytes[at]!;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
    return ~crc >>> 0;
  };
  for (let i = 0; i < 2000; i++) {
    const [begin, end] = [Math.floor(next() * 301), Math.floor(next() * 301)].sort((a, b) => a - b) as [number, number];
    expect(crc32c(bytes, begin, end)).toBe(slow(begin, end));
  }
});

test("lengths whose checksums are known beforehand and those beyond are read alike, and so are wrong ones", () => {
  for (const length of [0, 1, 1022, 1023, 1024, 1025, 70_000]) {
    // A field that nobody reads fills the record.
    const filler = Buffer.concat([Buffer.from([0x7a, ...varint(BigInt(length))]), Buffer.alloc(length)]), record = framed(filler);
    const bytes = Buffer.concat([record, scalarRecord("a", 1, 2)]);
    expect(whole(bytes)).toEqual({ consumed: bytes.length, rows: [{ step: 1, t: null, values: [["a", 2]] }], problems: [] });
    for (let at = 0; at < 12; at++) {
      const broken = Buffer.from(bytes);
      broken[at]! ^= 1;
      expect(whole(broken).problems, `length ${length}, byte ${at}`).toEqual(["The checksum of a record's length is wrong; the rest of the file can't be read."]);
    }
  }
});

test("tensorboardX's scalars are read, text and histograms passed over", () => {
  const { rows, problems, consumed } = whole(fixture("maxtext"));
  expect(problems).toEqual([]);
  expect(consumed).toBe(fixture("maxtext").length);
  expect(values(rows, "learning/loss")).toEqual(Array.from({ length: 20 }, (_, step) => 10 - step / 4));
  expect(values(rows, "learning/raw_grad_norm")[7]).toBeNaN();
  expect(new Set(rows.flatMap((row) => row.values.map(([tag]) => tag)))).toEqual(new Set(
    ["learning/loss", "learning/moe_lb_loss", "learning/raw_grad_norm", "perf/step_time_seconds", "perf/per_device_tokens_per_sec"]));
});

test("rank-0 tensors of every type are read, vectors are not", () => {
  const { rows } = whole(fixture("tensors"));
  expect(values(rows, "epoch_loss")).toEqual([4.5, 3.5, 2.5, 1.5, 0.5]);
  expect(values(rows, "epoch_accuracy")).toEqual([0, 0.125, 0.25, 0.375, 0.5]);
  expect(values(rows, "int32").map((value) => value + 0)).toEqual([0, -1, -2, -3, -4]);
  expect(values(rows, "content")).toEqual([0.5, 1.5, 2.5, 3.5, 4.5]);
  expect(values(rows, "content64").map((value) => value + 0)).toEqual([0, -7, -14, -21, -28]);
  expect(values(rows, "vector")).toEqual([]);
  expect(rows[0]!.t).toBe(1790000000);
});

test("purge_step of a second writer is a restart", () => {
  const { rows } = whole(fixture("restarted", 1));
  expect(rows.filter(({ restart }) => restart).map(({ step }) => step)).toEqual([6]);
});

test("a file cut at any byte gives the same rows once the rest is there", () => {
  for (const name of ["tensors", "restarted"]) {
    const bytes = fixture(name), expected = JSON.stringify(whole(bytes).rows);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const state = freshState(), first = decodeTensorBoard(bytes.subarray(0, cut), state), second = decodeTensorBoard(bytes.subarray(first.consumed), state);
      expect(first.problems).toEqual([]);
      expect(JSON.stringify([...first.rows, ...second.rows]), `cut at ${cut}`).toBe(expected);
    }
  }
});

test("a byte turned anywhere costs one record or ends the file, and is said", () => {
  const bytes = fixture("tensors"), all = whole(bytes).rows.length;
  for (let at = 0; at < bytes.length; at++) {
    const broken = Buffer.from(bytes);
    broken[at]! ^= 0x40;
    const { rows, problems } = whole(broken);
    expect(problems, `byte ${at}`).toHaveLength(1);
    expect(rows.length === all || rows.length === all - 1 || problems[0]!.includes("rest of the file")).toBe(true);
  }
});

test("a record beyond the limit is passed over in pieces, whatever length it claims", () => {
  const length = MAX_RECORD_BYTES + 5, header = Buffer.alloc(12), state = freshState();
  header.writeBigUInt64LE(BigInt(length), 0);
  header.writeUInt32LE(maskedCrc32c(header, 0, 8), 8);
  const first = decodeTensorBoard(Buffer.concat([header, Buffer.alloc(100)]), state);
  expect(first.problems).toEqual([`A record of ${length} bytes was passed over; ${MAX_RECORD_BYTES} are read at most.`]);
  const rest = decodeTensorBoard(Buffer.concat([Buffer.alloc(length + 4 - 100), fixture("tensors")]), state);
  expect(rest.rows).toHaveLength(whole(fixture("tensors")).rows.length);
  header.writeBigUInt64LE(2n ** 63n, 0);
  header.writeUInt32LE(maskedCrc32c(header, 0, 8), 8);
  const endless = freshState();
  expect(decodeTensorBoard(header, endless)).toMatchObject({ consumed: 12, rows: [] });
  expect(ImportState.shape.files.element.shape.decoder.parse(JSON.parse(JSON.stringify(endless)))).toEqual(endless);
});

test("records that are no messages, negative steps, long and non-UTF-8 tags do no harm", () => {
  const { rows, problems } = whole(Buffer.concat([
    framed(Buffer.from([0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1])), framed(Buffer.alloc(40, 0xff)), scalarRecord("a", -1, 1),
    scalarRecord(Buffer.alloc(513, 0x61), 1, 1), scalarRecord(Buffer.from([0x61, 0xff]), 2, 1), scalarRecord("b", 2n ** 60n, 1),
  ]));
  expect(problems).toHaveLength(2);
  expect(rows).toEqual([{ step: 2, t: null, values: [["a\uFFFD", 1]] }]);
});

test("messages changed at random under good checksums never throw, and give nothing that can't be stored", () => {
  const next = random(7), bytes = fixture("tensors"), records: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += Number(bytes.readBigUInt64LE(at)) + 16) records.push(bytes.subarray(at + 12, at + 12 + Number(bytes.readBigUInt64LE(at))));
  let rows = 0;
  for (let i = 0; i < 20_000; i++) {
    const data = Buffer.from(records[Math.floor(next() * records.length)]!);
    for (let n = 0; n < 3; n++) data[Math.floor(next() * data.length)] = Math.floor(next() * 256);
    for (const row of whole(framed(data)).rows) {
      rows++;
      expect(row.step >= 0 && Number.isSafeInteger(row.step) && (row.t === null || Number.isFinite(row.t))).toBe(true);
    }
  }
  expect(rows).toBeGreaterThan(1000);
});
