// Specs made from what was trained before: fine-tuning, distillation and upcycling, each a whole spec that can be changed before it is started.
import type { ModelFile } from "./modelFile.ts";
import { importedFrom, type DataSpec, type ModelSpec, type RunSpec, type RunSpecInput, type Tokenizer, type TrainingSpec, type WeightsSource } from "./runSpec.ts";

/** A run or an imported model to derive from. */
export interface DerivedFrom {
  source: WeightsSource;
  name: string;
  model: ModelSpec;
  /** null where a model came without one. */
  tokenizer: Tokenizer | null;
  /** Of a run; an imported model has none, and defaults take their place. */
  data: DataSpec | null;
  training: TrainingSpec | null;
  seed: number | null;
}

/** A run as others derive from it: from its newest checkpoint. @throws a sentence for a run that is only another trainer's log */
export function fromRun(id: string, name: string, spec: RunSpec): DerivedFrom {
  if (importedFrom(spec)) throw new Error(`"${name}" is imported from another trainer's log and has no weights here; import its model instead.`);
  const { model, data, training, seed } = spec;
  return { source: { kind: "run", id, step: null }, name, model, tokenizer: data.tokenizer, data, training, seed };
}

export const fromModel = ({ id, name, model, tokenizer }: Pick<ModelFile, "id" | "name" | "model" | "tokenizer">): DerivedFrom =>
  ({ source: { kind: "model", id }, name, model, tokenizer, data: null, training: null, seed: null });

/** Share of the pretraining's learning rate that fine-tuning takes. */
const FINE_TUNING_RATE = 0.1;

/** Fine-tuning on pairs of text. Dropout is that of the paper's table 4: 0.1, and 0.4 inside experts. */
export function fineTuning(from: DerivedFrom, paths: readonly string[], heldOut: readonly string[] | null = null): RunSpecInput {
  const { model, data, training } = from;
  return {
    ...common(from, "fine-tuned"), start: from.source,
    model: { ...model, dropout: 0.1, sparse: model.sparse && { ...model.sparse, expertDropout: 0.4 } },
    data: {
      ...lengths(data), ...tokenizerOf(from), objective: "text-to-text",
      source: { kind: "jsonl", paths: [...paths], heldOut: heldOut && [...heldOut] },
    },
    training: { ...kept(training), learningRate: (training?.learningRate ?? 0.001) * FINE_TUNING_RATE, schedule: "constant", warmupSteps: 0 },
  };
}

/** A dense student of the same sizes on the teacher's own data, beginning with its non-expert weights (paper §4.2). */
export function distillation(from: DerivedFrom): RunSpecInput {
  return { ...common(from, "distilled"), ...sameTask(from), model: { ...from.model, sparse: null }, distillation: { teacher: from.source } };
}

/** The dense model with each second feed-forward layer turned into experts that begin as its copies (2212.05055). @throws where it is sparse already. */
export function upcycling(from: DerivedFrom, experts: number): RunSpecInput {
  if (from.model.sparse) throw new Error(`"${from.name}" already has ${from.model.sparse.experts} experts; only a dense model can be upcycled.`);
  return { ...common(from, `upcycled to ${experts} experts`), ...sameTask(from), model: { ...from.model, sparse: { experts } }, start: from.source };
}

const LONGEST_NAME = 200;
const common = ({ name, seed }: DerivedFrom, what: string): Pick<RunSpecInput, "name" | "seed"> =>
  ({ name: `${name.slice(0, LONGEST_NAME - what.length - 2)}, ${what}`, ...(seed === null ? {} : { seed }) });
const tokenizerOf = ({ tokenizer }: DerivedFrom): { tokenizer?: Tokenizer } => (tokenizer ? { tokenizer } : {});
const lengths = (data: DataSpec | null): Partial<Pick<DataSpec, "inputLength" | "targetLength">> => (data ? { inputLength: data.inputLength, targetLength: data.targetLength } : {});
/** Penalties, pruning and frozen parts were the other run's own. */
const kept = (training: TrainingSpec | null): NonNullable<RunSpecInput["training"]> => (training ? { ...training, freeze: [], l1: 0, l2: 0, pruning: null } : {});

function sameTask(from: DerivedFrom): Pick<RunSpecInput, "data" | "training"> {
  const { model, data, training } = from;
  const objective = model.architecture === "decoder-only" ? "causal" : model.architecture === "vision" ? "classification" : "span-corruption";
  const source = objective === "classification" ? { source: { kind: "images" as const, name: "mnist" as const } } : {};
  return { data: data ?? { objective, ...source, ...tokenizerOf(from) }, training: kept(training) };
}
