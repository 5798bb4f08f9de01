// Images: what is read, what is refused, and that batches are a function of (seed, position).
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { ImageBatches } from "./imageBatches.ts";
import { readImages } from "./images.ts";
import { inspectData } from "./inspect.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-images-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, bytes: Uint8Array): string => { const path = join(folder, name); writeFileSync(path, bytes); return path; };
function idx(dimensions: number[], values: ArrayLike<number>, type = 8): Buffer {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.set([0, 0, type, dimensions.length]);
  dimensions.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i));
  return Buffer.concat([header, Uint8Array.from(values)]);
}
/** 40 images of 6 × 5 pixels whose first pixel is their number. */
const pixels = Array.from({ length: 40 * 30 }, (_, i) => (i % 30 === 0 ? i / 30 : (i * 7) % 256));
const labels = Array.from({ length: 40 }, (_, i) => i % 4);
const small = () => readImages({ kind: "idx", images: write("small", idx([40, 6, 5], pixels)), labels: write("small-labels", idx([40], labels)) });

describe("MNIST from its package", () => {
  const images = readImages({ kind: "images", name: "mnist" });
  test("has 10,000 digits of 28 × 28 pixels, each class among them", () => {
    expect(images.count).toBe(10_000);
    expect(images.pixels.length).toBe(10_000 * 784);
    const counts = Array.from({ length: 10 }, () => 0);
    for (const label of images.labels) counts[label]!++;
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(images.pixels.reduce((most, grey) => Math.max(most, grey), 0)).toBe(255);
    // A zero has a hole in its middle, a one ink: the classes are where the pixels are.
    const middle = (digit: number) => { let sum = 0; images.labels.forEach((label, i) => { if (label === digit) sum += images.pixels[i * 784 + 14 * 28 + 14]!; }); return sum / counts[digit]!; };
    expect(middle(0)).toBeLessThan(60);
    expect(middle(1)).toBeGreaterThan(150);
  });

  test("what the form is shown", async () => {
    expect(await inspectData({ kind: "images", name: "mnist" }, { kind: "bytes" })).toMatchObject({ documents: 10_000, files: 10, images: { height: 28, width: 28, channels: 1, classes: 10 } });
  });
});

describe("IDX files", () => {
  test("are read, gzip or not, with channels or not", async () => {
    const { facts, count, pixels: read } = small();
    expect({ ...facts, count }).toEqual({ height: 6, width: 5, channels: 1, classes: 4, count: 40 });
    expect([...read]).toEqual(pixels);
    const packed = { kind: "idx" as const, images: write("packed.gz", gzipSync(idx([40, 2, 5, 3], pixels))), labels: write("labels.gz", gzipSync(idx([40], labels))) };
    expect(readImages(packed).facts).toEqual({ height: 2, width: 5, channels: 3, classes: 4 });
    expect(await inspectData(packed, { kind: "bytes" })).toMatchObject({ documents: 40, files: 2, images: { channels: 3 } });
  });

  const good = idx([40, 6, 5], pixels), goodLabels = idx([40], labels);
  const cut = gzipSync(good);
  test.each<[string, Uint8Array, Uint8Array, string]>([
    ["another file", Buffer.from("PNG and more"), goodLabels, "is not an IDX file"],
    ["an empty file", Buffer.alloc(0), goodLabels, "is not an IDX file"],
    ["other numbers", idx([40, 6, 5], pixels, 13), goodLabels, "does not hold unsigned bytes"],
    ["labels as images", goodLabels, goodLabels, "has 1 dimensions where images have 3 or 4"],
    ["images as labels", good, good, "has 3 dimensions where labels have 1"],
    ["a cut header", good.subarray(0, 9), goodLabels, "ends within its header"],
    ["cut pixels", good.subarray(0, 500), goodLabels, "holds 484 values where its header promises 40 × 6 × 5"],
    ["sizes beyond all memory", idx([2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], pixels), goodLabels, "where its header promises 4294967295 ×"],
    ["no images", idx([0, 6, 5], []), goodLabels, "is empty"],
    ["other counts", good, idx([39], labels.slice(1)), "choose two files that belong together"],
    ["one class", good, idx([40], labels.map(() => 0)), "nothing to tell apart"],
    ["damaged gzip", cut.subarray(0, cut.length - 9), goodLabels, "is a damaged gzip file"],
  ])("%s is refused in one sentence", (_, images, theirLabels, sentence) => {
    const read = () => readImages({ kind: "idx", images: write("bad", images), labels: write("bad-labels", theirLabels) });
    expect(read).toThrow(sentence);
    expect(read).toThrow(/^[^.]*(\.[^.]*)*\.$/);
  });
  test("a file that is not there is named", () => {
    expect(() => readImages({ kind: "idx", images: "/no/such/file", labels: "/no/such/labels" })).toThrow("/no/such/file does not exist; choose another file.");
  });
});

describe("batches", () => {
  const numbers = (images: Uint8Array) => Array.from({ length: images.length / 30 }, (_, i) => images[i * 30]!);
  const open = (seed: number) => new ImageBatches(small(), 2, 0.3, seed, 5, 100);

  test("no held-out image is ever trained on, and each is seen once", () => {
    const batches = open(1), held = new Set(batches.heldOut);
    expect(held.size).toBeGreaterThan(4);
    expect(batches.heldOut.length + batches.trained.length).toBe(40);
    const seen = Array.from({ length: batches.evaluationBatches }, (_, i) => numbers(batches.evaluation(i).images!)).flat();
    expect(new Set(seen)).toEqual(held);
    expect(seen.length).toBe(held.size);
    for (let position = 0; position < 100; position += 5) for (const number of numbers(batches.training(position).images!)) expect(held.has(number)).toBe(false);
  });

  test("an epoch has each image once, in another order the next time", () => {
    const batches = open(1), size = batches.trained.length;
    const epoch = (from: number) => Array.from({ length: size }, (_, i) => numbers(batches.training(from + i).images!)[0]!);
    expect([...epoch(0)].sort((a, b) => a - b)).toEqual([...batches.trained]);
    expect(epoch(size)).not.toEqual(epoch(0));
    expect([...epoch(size)].sort((a, b) => a - b)).toEqual([...batches.trained]);
  });

  test("are a function of seed and position alone; labels go with their images; tokens are patches", () => {
    const first = open(1).training(35), again = open(1);
    again.training(0);
    expect(again.training(35)).toEqual(first);
    expect(open(2).training(35).labels).not.toEqual(first.labels);
    expect([...first.labels]).toEqual(numbers(first.images!).map((number) => number % 4));
    expect(again.tokensIn(first)).toBe(5 * 3 * 2);
    expect(() => new ImageBatches(small(), 6, 0.3, 1, 5, 1)).toThrow("holds no patch of 6 × 6");
  });
});
