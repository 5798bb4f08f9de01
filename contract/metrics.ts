// The names of what is measured: one dictionary for trainers, panels, exports and the CLI.
import { AXES, axisMetric, rankMetric, type RankTime } from "./meshSpec.ts";

export interface MetricDefinition {
  label: string;
  unit: string;
  /** Shown on hover. */
  definition: string;
  /** Which way is better, where there is one. */
  better?: "lower" | "higher";
}

export const METRICS = {
  loss: { label: "cross-entropy", unit: "nats/token", better: "lower", definition: "Mean of −log p of the right target token over the batch, without auxiliary losses." },
  totalLoss: { label: "total loss", unit: "nats/token", better: "lower", definition: "Cross-entropy, mixed with the distillation loss where there is a teacher, plus scaled auxiliary losses and penalties: what the gradient is taken of." },
  auxiliaryLoss: { label: "auxiliary loss", unit: "", better: "lower", definition: "E·Σ f·P summed over sparse layers, before α: equals the number of sparse layers when routing is uniform (Switch eq. 4)." },
  distillationLoss: { label: "distillation loss", unit: "nats/token", better: "lower", definition: "T² times the cross-entropy of the student with the teacher's probabilities, both at temperature T; the cross-entropy with the text is kept apart." },
  zLoss: { label: "router z-loss", unit: "nats²", better: "lower", definition: "Mean of logsumexp(router logits)², summed over sparse layers, unscaled (ST-MoE)." },
  gradientNorm: { label: "gradient norm", unit: "", definition: "Global L2 norm of the gradient before clipping." },
  sparsity: { label: "sparsity", unit: "of weights", definition: "Zeros among the weights of the matrices that pruning works on: attention and feed-forward." },
  learningRate: { label: "learning rate", unit: "", definition: "Step size the optimizer used." },
  tokensPerSecond: { label: "throughput", unit: "tokens/s", better: "higher", definition: "Input and target tokens processed a second of training." },
  stepSeconds: { label: "step time", unit: "s", better: "lower", definition: "Wall time of one training step." },
  droppedFraction: { label: "dropped tokens", unit: "of tokens", better: "lower", definition: "1 − tokens dispatched to at least one expert ÷ tokens, over all sparse layers." },
  paddingFraction: { label: "padding", unit: "of capacity", better: "lower", definition: "Places in expert buffers that no token used: 1 − places in use ÷ (experts × capacity × groups)." },
  expertsPerToken: { label: "experts a token", unit: "experts/token", definition: "Mean number of experts that a token was dispatched to: Σ kept ÷ Σ tokens over all sparse layers. At most 1 for switch routing; what top-k really computes." },
  overload: { label: "overload", unit: "× mean load", better: "lower", definition: "Largest over sparse layers of max load ÷ mean load. 1 is perfect balance." },
  deadExperts: { label: "dead experts", unit: "experts", better: "lower", definition: "Experts, over all sparse layers, whose load was under 10% of the fair share over the last 20 recorded steps. Heatmaps hatch those of one step." },
  routerEntropy: { label: "router entropy", unit: "nats", definition: "Mean over tokens and sparse layers of −Σ p log p of the router's probabilities." },
  routerConfidence: { label: "router confidence", unit: "probability", definition: "Mean probability of the first choice." },
  memoryBytes: { label: "memory", unit: "bytes", better: "lower", definition: "Peak resident memory of the trainer." },
  deviceMemoryBytes: { label: "GPU memory", unit: "bytes", better: "lower", definition: "Most memory that tensors of the run have held on its GPU; on a mesh, on that of rank 0." },
  "mesh.computeShare": { label: "time in computing", unit: "of step time", better: "higher", definition: "Mean over the ranks of a mesh of the share of a step that they spend outside collectives." },
  "mesh.waitingShare": { label: "time in waiting", unit: "of step time", better: "lower", definition: "Mean over the ranks of a mesh of the share of a step that they wait for the slowest one." },
  "mesh.bytes": { label: "sent between ranks", unit: "bytes", better: "lower", definition: "Bytes that all ranks of a mesh together send in a step, if sums go around a ring." },
  "evaluation.loss": { label: "evaluation cross-entropy", unit: "nats/token", better: "lower", definition: "Cross-entropy on held-out documents with the evaluation capacity factor and no dropout." },
  "evaluation.accuracy": { label: "evaluation accuracy", unit: "of target tokens", better: "higher", definition: "Share of held-out target tokens whose most probable prediction was right." },
  "evaluation.exactMatch": { label: "exact match", unit: "of held-out targets", better: "higher", definition: "Share of held-out targets whose every token was the most probable one after the right tokens before it. Then greedy decoding gives exactly the target, and otherwise it does not." },
  "evaluation.teacherLoss": { label: "teacher's cross-entropy", unit: "nats/token", better: "lower", definition: "Cross-entropy of the teacher on the same held-out examples, taken once at the start." },
  "evaluation.droppedFraction": { label: "evaluation dropped tokens", unit: "of tokens", better: "lower", definition: "Dropped fraction on held-out documents with the evaluation capacity factor." },
} as const satisfies Record<string, MetricDefinition>;
export type MetricName = keyof typeof METRICS;

/** What a model predicts: a vision model the class of an image, every other one the tokens of a text. */
export type Target = "token" | "image";
export const targetOf = (spec: { model: { architecture: string } } | null | undefined): Target => (spec?.model.architecture === "vision" ? "image" : "token");

/** What is another mean where images are predicted. */
const OF_IMAGES: Partial<Record<MetricName, Pick<MetricDefinition, "unit" | "definition">>> = {
  loss: { unit: "nats/image", definition: "Mean of −log p of the right class over the images of the batch, without auxiliary losses." },
  totalLoss: { unit: "nats/image", definition: METRICS.totalLoss.definition },
  distillationLoss: { unit: "nats/image", definition: "T² times the cross-entropy of the student with the teacher's probabilities, both at temperature T; the cross-entropy with the classes is kept apart." },
  "evaluation.loss": { unit: "nats/image", definition: "Cross-entropy on held-out images with the evaluation capacity factor and no dropout." },
  "evaluation.accuracy": { unit: "of images", definition: "Share of held-out images whose most probable class was right." },
  "evaluation.teacherLoss": { unit: "nats/image", definition: "Cross-entropy of the teacher on the same held-out images, taken once at the start." },
};

const RANK_TIME_DEFINITIONS: Record<RankTime, string> = {
  compute: "Seconds of a step in which the rank was in no collective.",
  communication: "Seconds in collectives that every rank spends there: the least of all ranks'.",
  waiting: "Seconds in collectives beyond that, which the rank waited for the slowest one.",
};

/** Metrics of a mesh and its ranks; null for other names. */
function rankDefinition(name: string): MetricDefinition | null {
  const axis = AXES.find((one) => axisMetric(one) === name);
  if (axis) return { label: `${axis} axis`, unit: "ranks", definition: "Ranks of the mesh along this axis." };
  const metric = rankMetric(name);
  if (!metric) return null;
  return "time" in metric ? { label: `rank ${metric.rank}, ${metric.time}`, unit: "s", better: "lower", definition: RANK_TIME_DEFINITIONS[metric.time] }
    : { label: `rank ${metric.rank} sends for ${metric.traffic}`, unit: "bytes", better: "lower", definition: "Bytes that the rank sent in a step, if sums go around a ring." };
}

/** Definition of a known metric; a name of another trainer's gets itself as label. */
export function metricDefinition(name: string, target: Target = "token"): MetricDefinition {
  const definition = (METRICS as Record<string, MetricDefinition>)[name] ?? rankDefinition(name) ?? { label: name, unit: "", definition: "Recorded by the trainer under this name." };
  return target === "image" ? { ...definition, ...OF_IMAGES[name as MetricName] } : definition;
}
