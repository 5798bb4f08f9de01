// Batches of input and target pairs as a pure function of (seed, position).
import type { Batch } from "../../native/switchyard.d.ts";
import type { DataSpec, ModelSpec } from "../../contract/runSpec.ts";
import { countTokens, type BatchSource } from "./batches.ts";
import type { PairCorpus } from "./pairs.ts";
import type { PairList, TokenPair } from "./pairList.ts";
import { mix, permute } from "./random.ts";

const SHUFFLE = 5;
type Lengths = Pick<DataSpec, "inputLength" | "targetLength">;

export class PairBatches implements BatchSource {
  readonly evaluationBatches: number;
  readonly #parts: { corpus: PairCorpus; lengths: Lengths; encoder: boolean; seed: number; batchSize: number };

  constructor(corpus: PairCorpus, lengths: Lengths, architecture: ModelSpec["architecture"], seed: number, batchSize: number, evaluationBatches: number) {
    this.#parts = { corpus, lengths, encoder: architecture === "encoder-decoder", seed, batchSize };
    this.evaluationBatches = Math.min(evaluationBatches, Math.ceil(corpus.evaluation.length / batchSize));
  }

  training(position: number): Batch {
    const { corpus: { training }, seed, batchSize } = this.#parts;
    return this.#batch(training, Array.from({ length: batchSize }, (_, row) => {
      const at = position + row, epoch = Math.floor(at / training.length);
      return permute(at % training.length, training.length, mix(seed, SHUFFLE, epoch));
    }));
  }

  /** Held-out pairs in the order of their files; the last batch may have fewer. */
  evaluation(index: number): Batch {
    const { corpus: { evaluation }, batchSize } = this.#parts, from = index * batchSize;
    return this.#batch(evaluation, Array.from({ length: Math.min(batchSize, evaluation.length - from) }, (_, row) => from + row));
  }

  tokensIn(batch: Batch): number { return countTokens(batch, this.#parts.corpus.tokenizer.pad); }

  /** Pairs that are cut to fit, in training and held out. */
  truncated(): { training: number; evaluation: number } {
    const { corpus, lengths: { inputLength, targetLength }, encoder } = this.#parts;
    const isLong = encoder
      ? (input: number, target: number) => input + 1 > inputLength || target + 1 > targetLength
      : (input: number, target: number) => input + target + 1 > targetLength;
    return { training: corpus.training.count(isLong), evaluation: corpus.evaluation.count(isLong) };
  }

  #batch(list: PairList, indices: readonly number[]): Batch {
    const { corpus: { tokenizer: { pad, end } }, lengths, encoder } = this.#parts;
    const pairs = indices.map((index) => list.at(index));
    return encoder ? encoderDecoderBatch(pairs, lengths, pad, end) : decoderBatch(pairs, lengths.targetLength, pad, end);
  }
}

/** The encoder reads the input, the decoder predicts the target. Each is cut before its end token is added, so that it is never lost. */
function encoderDecoderBatch(pairs: readonly TokenPair[], { inputLength, targetLength }: Lengths, pad: number, end: number): Batch {
  const input = new Int32Array(pairs.length * inputLength).fill(pad), labels = new Int32Array(pairs.length * targetLength).fill(pad);
  const put = (ids: TokenPair["input"], row: Int32Array): void => {
    const cut = ids.subarray(0, row.length - 1);
    row.set(cut);
    row[cut.length] = end;
  };
  pairs.forEach((pair, row) => {
    put(pair.input, input.subarray(row * inputLength, (row + 1) * inputLength));
    put(pair.target, labels.subarray(row * targetLength, (row + 1) * targetLength));
  });
  return { input, inputLength, labels, labelLength: targetLength, batchSize: pairs.length };
}

/**
 * The decoder reads the input and then the target, and predicts the target alone. What does not fit is cut off the end of the input; a target
 * that does not fit by itself is cut as well.
 */
function decoderBatch(pairs: readonly TokenPair[], length: number, pad: number, end: number): Batch {
  const labels = new Int32Array(pairs.length * length).fill(pad), decoderInput = labels.slice();
  pairs.forEach(({ input, target }, row) => {
    const predicted = [...target.subarray(0, length - 1), end], read = input.subarray(0, length - predicted.length);
    labels.set(predicted, row * length + read.length);
    // Shifted right: position 0 holds the start token, whose id is the padding's.
    decoderInput.set([...read, ...predicted.slice(0, -1)], row * length + 1);
  });
  return { labels, decoderInput, labelLength: length, batchSize: pairs.length };
}
