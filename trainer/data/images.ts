// Images with a class each: the digits that come with the package mnist, or IDX files.
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { MNIST, type ImageFacts } from "../../contract/consequences.ts";
import type { DataSource } from "../../contract/runSpec.ts";
import { RunFailure } from "../failure.ts";
import { readIdx } from "./idx.ts";
import { heldOutAt } from "./prepared.ts";

export interface Images {
  facts: ImageFacts;
  count: number;
  /** [count, H·W·C], rows of pixels with their channels together. */
  pixels: Uint8Array;
  /** [count] classes from 0. */
  labels: Uint8Array;
  files: { path: string; bytes: number }[];
}
export type ImageSource = Extract<DataSource, { kind: "images" | "idx" }>;
export const isImageSource = (source: DataSource): source is ImageSource => source.kind === "images" || source.kind === "idx";

/** All images of a source, in memory. @throws RunFailure in one sentence where files are missing, damaged or do not fit each other. */
export const readImages = (source: ImageSource): Images => (source.kind === "images" ? mnist() : idx(source.images, source.labels));

/** 10,000 digits, a file for each class: pixels as numbers from 0 to 1 with three decimals, which name one of 256 greys. */
function mnist(): Images {
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist/package.json")), "src/digits");
  const files = Array.from({ length: MNIST.classes }, (_, digit) => join(folder, `${digit}.json`));
  const size = MNIST.height * MNIST.width;
  const digits = files.map((path) => Uint8Array.from((JSON.parse(readFileSync(path, "utf8")) as { data: number[] }).data, (grey) => Math.round(grey * 255)));
  const counts = digits.map(({ length }) => Math.floor(length / size)), count = counts.reduce((sum, of) => sum + of, 0);
  const images: Images = { facts: MNIST, count, pixels: new Uint8Array(count * size), labels: new Uint8Array(count), files: files.map((path) => ({ path, bytes: statSync(path).size })) };
  let at = 0;
  digits.forEach((pixels, digit) => {
    images.pixels.set(pixels.subarray(0, counts[digit]! * size), at * size);
    images.labels.fill(digit, at, at += counts[digit]!);
  });
  return images;
}

function idx(imagesPath: string, labelsPath: string): Images {
  const images = readIdx(imagesPath, "images"), labels = readIdx(labelsPath, "labels");
  const [count, height, width, channels = 1] = images.dimensions as [number, number, number, number?];
  if (labels.values.length !== count) throw new RunFailure("data-error", `${imagesPath} has ${count} images and ${labelsPath} ${labels.values.length} labels; choose two files that belong together.`);
  const classes = labels.values.reduce((most, label) => Math.max(most, label), 0) + 1;
  if (classes < 2) throw new RunFailure("data-error", `All labels of ${labelsPath} are 0, so there is nothing to tell apart; choose other labels.`);
  return {
    facts: { height, width, channels, classes }, count, pixels: images.values, labels: labels.values,
    files: [imagesPath, labelsPath].map((path) => ({ path, bytes: statSync(path).size })),
  };
}

export const pixelsOf = ({ facts, pixels }: Images, index: number): Uint8Array => {
  const size = facts.height * facts.width * facts.channels;
  return pixels.subarray(index * size, (index + 1) * size);
};

/**
 * Which images are trained on and which are held out, by the SHA-256 of their pixels, so that equal images are on one side. The
 * held-out ones come in the order of that hash, because files are often sorted by class.
 */
export function splitImages(images: Images, fraction: number): { training: Uint32Array; heldOut: Uint32Array } {
  const at = Float64Array.from({ length: images.count }, (_, i) => heldOutAt(pixelsOf(images, i)));
  const all = [...at.keys()];
  const training = all.filter((i) => at[i]! > fraction), heldOut = all.filter((i) => at[i]! <= fraction).sort((a, b) => at[a]! - at[b]! || a - b);
  if (training.length === 0 || heldOut.length === 0)
    throw new RunFailure("data-error", `Of ${images.count} images ${heldOut.length} would be held out and ${training.length} trained on; add images or change the held-out part.`);
  return { training: Uint32Array.from(training), heldOut: Uint32Array.from(heldOut) };
}
