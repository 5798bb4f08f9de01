// Batches of images as a pure function of (seed, position), in another order each epoch.
import { patchesOf } from "../../contract/consequences.ts";
import type { Batch } from "../../native/switchyard.d.ts";
import { RunFailure } from "../failure.ts";
import type { BatchSource } from "./batches.ts";
import { pixelsOf, splitImages, type Images } from "./images.ts";
import { mix, permute } from "./random.ts";

const SHUFFLE = 1;

export class ImageBatches implements BatchSource {
  readonly batchSize: number;
  readonly evaluationBatches: number;
  /** Images by their number in the source. */
  readonly trained: Uint32Array;
  readonly heldOut: Uint32Array;
  readonly #images: Images;
  readonly #seed: number;
  readonly #patches: number;

  constructor(images: Images, patchSize: number, evaluationFraction: number, seed: number, batchSize: number, evaluationBatches: number) {
    const { height, width } = images.facts;
    this.#images = images;
    this.#seed = seed;
    this.#patches = patchesOf(images.facts, patchSize);
    if (this.#patches < 1) throw new RunFailure("spec-error", `An image of ${height} × ${width} pixels holds no patch of ${patchSize} × ${patchSize}; choose a smaller patch size.`);
    this.batchSize = batchSize;
    ({ training: this.trained, heldOut: this.heldOut } = splitImages(images, evaluationFraction));
    this.evaluationBatches = Math.min(evaluationBatches, Math.ceil(this.heldOut.length / batchSize));
  }

  training(position: number): Batch {
    const size = this.trained.length;
    return this.#batch(Array.from({ length: this.batchSize }, (_, row) => {
      const at = position + row, epoch = Math.floor(at / size);
      return this.trained[permute(at % size, size, mix(this.#seed, SHUFFLE, epoch))]!;
    }));
  }

  /** The last batch may have fewer images than places. */
  evaluation(index: number): Batch { return this.#batch([...this.heldOut.subarray(index * this.batchSize, (index + 1) * this.batchSize)]); }

  /** Patches of the images: the tokens that the model reads. */
  tokensIn({ batchSize }: Batch): number { return batchSize * this.#patches; }

  #batch(indices: readonly number[]): Batch {
    const { height, width, channels } = this.#images.facts, size = height * width * channels;
    const images = new Uint8Array(indices.length * size);
    indices.forEach((index, row) => images.set(pixelsOf(this.#images, index), row * size));
    return { images, labels: Int32Array.from(indices, (index) => this.#images.labels[index]!), labelLength: 1, batchSize: indices.length };
  }
}
