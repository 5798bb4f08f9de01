// The tags of other trainers in this product's names (contract/metrics.ts). A tag is renamed only where it means the same; one
// that is scaled, summed or counted in another way keeps its own name, so that no panel says what its trainer did not record.
import type { MetricName } from "../../contract/metrics.ts";

/**
 * Tags by the metric they fill, the best first. Where the names are from:
 * MaxText src/maxtext/common/metric_logger.py and its metrics file; T5X t5x/contrib/moe/models.py (`_expert_metrics`) and
 * t5x/trainer.py; Keras' callbacks.TensorBoard (`epoch_loss`); transformers' Trainer (`train/loss`, `eval/loss`); PyTorch's
 * tutorial of torch.utils.tensorboard (`Loss/train`).
 * Left under their own names: `learning/moe_lb_loss` and `experts/auxiliary_loss` are scaled by α, `experts/router_z_loss` by its
 * weight; T5X's `z_loss` is that of the output; `perf/per_device_tokens_per_sec` is of one device of an unknown number.
 */
const KNOWN: readonly (readonly [MetricName, readonly string[]])[] = [
  ["loss", ["cross_ent_loss_per_all_target_tokens", "learning/lm_loss", "learning/loss", "loss", "train/loss", "train_loss", "training/loss", "Loss/train", "loss/train", "epoch_loss", "lm loss"]],
  ["totalLoss", ["learning/loss", "total_loss", "train/total_loss"]],
  ["gradientNorm", ["learning/raw_grad_norm", "grad_norm", "train/grad_norm", "gradient_norm", "learning/grad_norm", "grad-norm"]],
  ["learningRate", ["learning/current_learning_rate", "learning_rate", "train/learning_rate", "learning_rate/current", "epoch_learning_rate", "lr", "train/lr", "learning-rate"]],
  ["stepSeconds", ["perf/step_time_seconds", "step_time_seconds", "step_time"]],
  ["tokensPerSecond", ["tokens_per_second", "tokens_per_sec", "train/tokens_per_second", "throughput/tokens_per_second"]],
  ["droppedFraction", ["experts/fraction_tokens_left_behind"]],
  ["routerConfidence", ["experts/router_confidence"]],
  ["evaluation.loss", ["eval/avg_loss", "eval/loss", "eval_loss", "val_loss", "val/loss", "validation/loss", "Loss/val", "Loss/validation", "Loss/test", "loss/val"]],
  ["evaluation.accuracy", ["eval/accuracy", "eval_accuracy", "val_accuracy", "val/accuracy", "validation/accuracy", "Accuracy/test", "Accuracy/val"]],
];
/** In a folder of evaluations (Keras' `validation`, T5X's `training_eval`) the tags lack a prefix. */
const KNOWN_OF_EVALUATION: readonly (readonly [MetricName, readonly string[]])[] = [
  ["evaluation.loss", ["cross_ent_loss_per_all_target_tokens", "epoch_loss", "loss", "eval_loss"]],
  ["evaluation.accuracy", ["epoch_accuracy", "accuracy"]],
];
/** MaxText writes 0 where the weight of the loss is 0 and nothing was measured. */
export const isUnmeasured = (tag: string, value: number): boolean => value === 0 && /(^|\/)moe_lb_loss$/.test(tag);

/** Names a run may get; db/metricRows.ts stores no more. */
export const MAX_NAMES = 2000;

/** A name that the contract allows, as near to the tag as can be. */
export function plainName(tag: string): string {
  const name = tag.replace(/[^A-Za-z0-9._/-]/g, "_");
  return (/^[A-Za-z]/.test(name) ? name : `m${name.startsWith("_") ? "" : "_"}${name}`).slice(0, 128);
}

/** Names once given, for good: a series never changes its name half-way. */
export class MetricNames {
  /** Metric by tag; null for a tag beyond the number that is stored. */
  readonly given: Map<string, string | null>;
  #taken: Set<string>;
  #known: readonly (readonly [string, readonly string[]])[];
  #prefix: string;

  /** @param chosen a person's mapping, metric → tag, before all others. */
  constructor(given: Iterable<[string, string | null]>, chosen: ReadonlyMap<string, string>, ofEvaluation: boolean) {
    this.given = new Map(given);
    this.#taken = new Set([...this.given.values()].filter((name) => name !== null));
    this.#known = [...[...chosen].map(([name, tag]) => [name, [tag]] as const), ...(ofEvaluation ? KNOWN_OF_EVALUATION : KNOWN)];
    this.#prefix = ofEvaluation ? "evaluation." : "";
  }

  /** Names the tags of one step that have none yet. Seen together, since a better source of a metric may be among them. */
  name(tags: Iterable<string>): void {
    const fresh = new Set([...tags].filter((tag) => !this.given.has(tag)));
    if (fresh.size === 0) return;
    for (const [metric, sources] of this.#known) {
      const tag = this.#taken.has(metric) ? undefined : sources.find((source) => fresh.has(source));
      if (tag !== undefined) this.#give(fresh, tag, metric);
    }
    for (const tag of fresh) {
      const plain = plainName(this.#prefix + tag);
      let name = plain;
      for (let i = 2; this.#taken.has(name); i++) name = `${plain.slice(0, 120)}.${i}`;
      this.#give(fresh, tag, name);
    }
  }

  #give(fresh: Set<string>, tag: string, name: string): void {
    fresh.delete(tag);
    if (this.given.size >= 2 * MAX_NAMES) return;
    const full = this.#taken.size >= MAX_NAMES;
    this.given.set(tag, full ? null : name);
    if (!full) this.#taken.add(name);
  }
}
