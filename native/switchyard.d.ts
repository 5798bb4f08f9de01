// The Node-API addon of the engine. JavaScript checks arguments against contract/, C++ does the work.
// Every method that takes time returns a promise and runs off the event loop; calls on one engine run in the order they
// were made. A native failure rejects with an Error whose message is one sentence a person can act on; `cause` holds the
// native detail, and `code` its kind where a program can act on it: "memory" (not enough of it), "device" (can't be used),
// "disk-full", "checkpoint" (the file is damaged or of another model), or "mesh" (another rank can't be reached). Nothing here aborts
// the process.
//
// Shape letters: B sequences a batch, S encoder tokens a sequence, T decoder tokens a sequence, L sparse layers,
// E experts, G capacity groups, F capacity factors in the what-if grid.

/** Everything the engine needs of a RunSpec: contract/runSpec.ts, plus what data preparation found out. */
export interface EngineConfig {
  seed: number;
  device: string;
  model: import("../contract/runSpec.ts").ModelSpec;
  training: Pick<import("../contract/runSpec.ts").TrainingSpec,
    "learningRate" | "schedule" | "warmupSteps" | "steps" | "optimizer" | "gradientClip" | "freeze" | "l1" | "l2" | "pruning" | "threads" | "captureSteps">;
  /** This process among the ranks that train the model together; absent for this process alone. What is asked of rank 0's engine all do. */
  mesh?: import("../contract/meshSpec.ts").MeshSpec & {
    rank: number;
    /** A path through which the ranks find each other; there is no file there before the first of them begins. */
    storeFile: string;
  };
  /** Without gradients and optimizer, which take most of the memory: such an engine evaluates and generates, and can't step or save. */
  inference?: boolean;
  /** Tokens in the vocabulary, from the tokenizer. */
  vocabularySize: number;
  /** Token id that marks padding; it never counts in the loss and its router choice takes no capacity. */
  padToken: number;
  /** Token id the decoder starts from. */
  startToken: number;
  /** What a vision model sees, which has no vocabulary; absent for others. */
  images?: import("../contract/consequences.ts").ImageFacts;
  /** A trained model of the same architecture and vocabulary to learn from; absent for none. */
  distillation?: {
    /** `file` is its model.safetensors. It computes in its own precision, as in evaluation. */
    teacher: { model: import("../contract/runSpec.ts").ModelSpec; file: string };
    /** Share of the cross-entropy with the labels in the loss; the rest is the distillation loss. */
    hardShare: number;
    temperature: number;
  };
  /** Capacity factors at which routing reports the exact drop fraction. */
  capacityFactorGrid: number[];
}

/** Row-major int32 token ids. Labels are the decoder's targets, `padToken` where there is none. */
export interface Batch {
  /** [B, H·W·C] pixels by rows, their channels together: what a vision model reads, in place of tokens. */
  images?: Uint8Array;
  /** [B, S]; absent for a decoder-only model. */
  input?: Int32Array;
  inputLength?: number;
  /** [B, T]: what the decoder is to predict. A vision model has T = 1, a class for each image, -1 for none. */
  labels: Int32Array;
  /** [B, T]: what the decoder reads. Where left out it is the labels shifted right, with `startToken` first. */
  decoderInput?: Int32Array;
  labelLength: number;
  batchSize: number;
}

/** One sparse layer's routing over one batch, before and after capacity. docs/definitions.md §1. */
export interface LayerRouting {
  stack: "encoder" | "decoder";
  /** Block index in its stack, from 0. */
  layer: number;
  experts: number;
  /** Places an expert has in each group. */
  capacity: number;
  groups: number;
  /** Tokens routed, padding left out unless it is routed too. */
  tokens: number;
  /** [E] choices of the expert before dropping: up to k a token in top-k, first choices otherwise; what experts took where they choose. */
  load: number[];
  /** [E] places in use. Above the load where tokens came that had chosen another expert first (No-Token-Left-Behind). */
  kept: number[];
  /** [E] sum over tokens of the router probability. */
  probability: number[];
  /** Mean over tokens of −Σ p log p, in nats. */
  entropy: number;
  /** Mean over tokens of the first choice's probability; of the highest one where experts choose. */
  confidence: number;
  /** Fraction of tokens dispatched to no expert. */
  dropped: number;
  /** E·Σ f·P, unscaled: 1 when uniform. */
  auxiliaryLoss: number;
  /** Mean of logsumexp(logits)², unscaled. */
  zLoss: number;
  /** [F] pairs [capacity factor, exact dropped fraction], by the layer's own priority. Empty where another capacity would change more
   *  than who is dropped, or there is no limit: No-Token-Left-Behind, expert choice, dropless. */
  dropAtCapacityFactor: [number, number][];
}

/** What a rank of a mesh did in one step; traffic by what it was for (contract/meshSpec.ts). */
export interface RankUse {
  /** From the batch to the update. */
  seconds: number;
  traffic: Record<import("../contract/meshSpec.ts").Traffic, {
    /** Collectives. */
    calls: number;
    /** Sent by this rank, if sums go around a ring. */
    bytes: number;
    /** In the calls, which includes waiting for the slowest rank. */
    seconds: number;
  }>;
}

export interface StepResult {
  /** Steps finished, this one included. */
  step: number;
  /** Cross-entropy, nats a target token, without auxiliary losses. */
  loss: number;
  /** What the gradient was taken of: cross-entropy, with a teacher mixed with the distillation loss, plus scaled auxiliary losses and penalties. */
  totalLoss: number;
  /** E·Σ f·P summed over sparse layers, unscaled. 0 for a dense model. */
  auxiliaryLoss: number;
  zLoss: number;
  /** T² times the cross-entropy with the teacher's probabilities at temperature T, nats a target token. Absent without a teacher. */
  distillationLoss?: number;
  /** Share of zeros among the weights that are pruned, after the step; present with pruning. */
  sparsity?: number;
  /** What the run's log should say of this step; absent for most. */
  note?: string;
  /** Global norm before clipping. */
  gradientNorm: number;
  learningRate: number;
  /** Target tokens that counted in the loss. */
  targetTokens: number;
  /** Present when the step was asked for diagnostics; one per sparse layer, encoder first. */
  routing?: LayerRouting[];
  /** Of each rank of a mesh, when the step was asked for diagnostics. */
  ranks?: RankUse[];
  /** False when loss or gradient was NaN or infinite: parameters and optimizer state were then left as before the step. */
  finite: boolean;
}

export interface EvaluationResult {
  /** Sum of cross-entropy over target tokens, nats. */
  lossSum: number;
  targetTokens: number;
  /** Target tokens whose most probable prediction was right. */
  correct: number;
  /** Sequences with a target, and those of them whose every target token was predicted right. */
  sequences: number;
  exact: number;
  routing: LayerRouting[];
}

/** Numbers of weights, by where they came from. */
export interface StartingWeights { copied: number; upcycled: number; fresh: number }

/** What a model reads, row-major int32 token ids, without anything to predict. */
export interface Reading {
  /** [B, S]; absent for a decoder-only model. */
  input?: Int32Array;
  inputLength?: number;
  /** [B, T] */
  decoderInput: Int32Array;
  decoderLength: number;
  batchSize: number;
}

/** What to generate from, and how. contract/generation.ts says what the settings mean. */
export interface GenerationRequest {
  /** Encoder tokens, a sequence each, of any lengths; absent for a decoder-only model. */
  input?: Int32Array[];
  /** What the decoder has read behind its start token, a sequence each; absent for none. */
  prompt?: Int32Array[];
  endToken: number;
  method: "greedy" | "sampling" | "beam";
  /** At most 4,096, the end token included. */
  maxTokens: number;
  temperature: number; topK: number; topP: number; seed: number;
  beams: number; lengthPenalty: number;
}

/** Where one sparse layer sent the tokens that its stack has read. */
export interface TokenRouting {
  stack: "encoder" | "decoder";
  layer: number;
  experts: number;
  /** [tokens read][choices] experts chosen, the first choice first. The encoder reads the input; the decoder its start token, the
   * prompt, and the generated tokens but the last. */
  chosen: number[][];
  /** Tokens, by place, that no expert had room for. None is ever among those generated. */
  dropped: number[];
}

export interface GeneratedSequence {
  tokens: number[];
  /** log p of each token, nats, by the model itself: without temperature, top-k and top-p. */
  logProbabilities: number[];
  /** Σ log p; of a beam search divided by length^lengthPenalty. */
  score: number;
  /** Whether it came to the end token. */
  ended: boolean;
  routing: TokenRouting[];
}

export interface GenerationState { done: boolean; sequences: GeneratedSequence[] }

export interface ParameterInfo { name: string; shape: number[]; elements: number }

/** Of this rank. */
export interface MemoryUse { parameterBytes: number; optimizerBytes: number; peakBytes: number }

export interface SavedFile { name: string; bytes: number; sha256: string }

export class Engine {
  /** Builds the model on its device with freshly initialised parameters (truncated normal, paper §2.4). */
  static create(config: EngineConfig): Promise<Engine>;
  /** The device really used: "cpu" or "cuda:N". */
  readonly device: string;
  readonly stepsDone: number;
  parameters(): ParameterInfo[];
  parameterCount(): number;
  memory(): Promise<MemoryUse>;
  /** Forward, backward, clip, optimizer update. Dropout is a function of (seed, step) alone, so a resumed run repeats it. */
  step(batch: Batch, options?: { routing?: boolean }): Promise<StepResult>;
  /** Forward with the evaluation capacity factor, no dropout. */
  evaluate(batch: Batch): Promise<EvaluationResult>;
  /** The same of the teacher. Rejects where there is none. */
  evaluateTeacher(batch: Batch): Promise<EvaluationResult>;
  /** [B, T, vocabulary] of what follows each decoder token, computed as in an evaluation. */
  logits(reading: Reading): Promise<Float32Array>;
  /**
   * Takes the weights of another model's model.safetensors before the first step: equal names and shapes are copied; experts begin as copies of the
   * file's dense feed-forward where it has that (upcycling); a dense feed-forward stays fresh where the file has experts. Refuses, unchanged,
   * a file that fits in no other way.
   */
  start(modelFile: string): Promise<StartingWeights>;
  /**
   * Reads encoder input and prompts, each sequence by itself with the evaluation capacity. One generation goes at a time: another
   * that was going is dropped.
   */
  startGeneration(request: GenerationRequest): Promise<void>;
  /**
   * Up to `steps` more tokens a sequence, and all there is by now. Steps drop no token, whatever the capacity, so a sequence does not
   * depend on its neighbours in the batch.
   */
  continueGeneration(steps: number): Promise<GenerationState>;
  /** Drops the generation and its cache. */
  stopGeneration(): Promise<void>;
  /** Ranks of a mesh but the first: does what rank 0's engine is asked to, until that is disposed of. */
  follow(): Promise<void>;
  /** Writes model.safetensors and optimizer.safetensors (fp32, step number in the metadata) into a directory that exists, fsynced. */
  save(directory: string): Promise<{ files: SavedFile[] }>;
  /** Restores parameters, optimizer state and step number; an inference engine reads model.safetensors alone. Refuses, unchanged, a file that does not match the model. */
  load(directory: string): Promise<void>;
  /** Frees device memory; later calls reject. */
  dispose(): void;
}

export interface CpuFacts {
  name: string; physicalCores: number; logicalCores: number; memoryBytes: number; memoryAvailableBytes: number;
  /** For example ["avx2", "avx512f", "avx512_bf16"]. */
  instructionSets: string[];
}
export interface GpuFacts {
  index: number; uuid: string; name: string; memoryBytes: number; memoryUsedBytes: number;
  /** Percent of time busy, °C, watts; null where the driver does not say. */
  utilization: number | null; temperature: number | null; power: number | null;
  /** Whether this build's CUDA can train on it. */
  usable: boolean;
  /** Each of the others: reached by NVLink, by PCIe, or not at all, so through the computer's memory. Empty where the driver does not say. */
  peers: { index: number; link: "nvlink" | "pcie" | "host" }[];
}
export interface Devices { cpu: CpuFacts; gpus: GpuFacts[]; cuda: { available: boolean; reason: string | null; libtorch: string } }
/** Facts about this machine's devices; GPUs through NVML loaded at run time. */
export function devices(): Promise<Devices>;

/** FLOP/s of matrix products in each precision (a multiply-add as 2), and bytes a second of memory, read and written together. */
export interface CpuRates { fp32: number; bf16: number; memoryBandwidth: number }
/** Measures this CPU for the planner, on all of its threads; takes about a second. */
export function measureCpu(): Promise<CpuRates>;

/** Ends the process with this code, without its last destructors, if a call that takes time is in progress; native/load.ts calls it as the process exits. */
export function leave(code: number): void;

/** A tensor of a safetensors file; type is libtorch's word: "Float", "BFloat16", "Half", "Double" or "Long". */
export interface TensorEntry { name: string; type: string; shape: number[] }
/** What the header of a safetensors file says, checked; the values are not read. Rejects a damaged file in one sentence. */
export function tensorHeader(path: string): Promise<TensorEntry[]>;

/** A model in the layout of transformers: its family decides the names of weights. */
export interface HuggingFaceModel {
  family: "switch-transformers" | "t5";
  model: import("../contract/runSpec.ts").ModelSpec;
  vocabularySize: number;
}
/**
 * Reads a model's safetensors files (fp32, bf16, fp16 or fp64) and writes `target`, a model.safetensors in fp32 with the engine's names, a tensor
 * at a time. Rejects, in one sentence, a weight that is missing, superfluous, there twice, of another shape or not finite; `target` is then unfinished.
 */
export function importHuggingFaceModel(model: HuggingFaceModel, files: string[], target: string): Promise<SavedFile>;
/** The way back: `source` under transformers' names into a folder that exists, cut into files of at most `maxShardBytes`. */
export function exportHuggingFaceModel(model: HuggingFaceModel, source: string, folder: string, maxShardBytes: number): Promise<{ files: SavedFile[] }>;
