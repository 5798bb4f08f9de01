// Whether a trained model's weights fit a spec that begins with them or learns from them: told at the field that names the model.
import type { SpecIssue } from "./handlers.ts";
import { ModelSpec, sparseIndices, stacksOf } from "./modelSpec.ts";
import type { RunSpec } from "./runSpec.ts";

/** What a run with a checkpoint, or an imported model, is to others. */
export interface TrainedModel {
  name: string;
  model: ModelSpec;
  /** Equal where the same text gives the same tokens; null where not known, as for a model without a tokenizer.json or for images. */
  tokenizer: string | null;
}

/** Fields that decide what the weights are or what is computed with them; all others may change from one run to the next. */
const SAME = ["architecture", "dModel", "dFf", "heads", "dKv", "encoderLayers", "decoderLayers", "feedForward", "patchSize", "relativePositionBuckets",
  "relativePositionMaxDistance", "normEpsilon", "tiedEmbeddings", "rescaledHead", "sharedEmbeddings"] as const satisfies (keyof ModelSpec)[];
/** Fields that a model of an architecture does not use. */
const UNUSED: Record<ModelSpec["architecture"], readonly (keyof ModelSpec)[]> = {
  "encoder-decoder": ["patchSize"], "decoder-only": ["encoderLayers", "patchSize"],
  vision: ["decoderLayers", "relativePositionBuckets", "relativePositionMaxDistance", "tiedEmbeddings", "rescaledHead"],
};

/** What does not fit of the models named by `start` and `distillation`; `tokenizer` is the spec's own, as TrainedModel has it. */
export function weightsIssues(spec: RunSpec, tokenizer: string | null, start: TrainedModel | null, teacher: TrainedModel | null): SpecIssue[] {
  const issues: SpecIssue[] = [];
  const check = (path: string, found: string | null) => { if (found !== null) issues.push({ path, message: found }); };
  if (start) check("start", differentText(tokenizer, start) ?? differentWeights(spec.model, start));
  if (teacher) {
    const other = teacher.model.architecture !== spec.model.architecture ? `"${teacher.name}" is of another architecture (${teacher.model.architecture}); its student must be of the same.` : null;
    check("distillation.teacher", other ?? differentText(tokenizer, teacher));
    if (other === null && spec.distillation?.initialize) check("distillation.initialize", differentWeights(spec.model, teacher));
  }
  return issues;
}

function differentText(tokenizer: string | null, { name, tokenizer: theirs }: TrainedModel): string | null {
  return tokenizer !== null && theirs !== null && tokenizer !== theirs ? `"${name}" was trained with another tokenizer, so its vocabulary means other text; choose its tokenizer.` : null;
}

/** The first field in which the weights differ from those that the model needs. */
function differentWeights(own: ModelSpec, { name, model }: TrainedModel): string | null {
  for (const field of SAME) {
    if (own[field] === model[field] || UNUSED[own.architecture].includes(field)) continue;
    return `"${name}" has another ${title(field)} (${String(model[field])}, here ${String(own[field])}); its weights fit a model with the same.`;
  }
  const bothSparse = stacksOf(own).some(({ stack, layers }) => {
    const theirs = sparseIndices(model, stack, layers);
    return sparseIndices(own, stack, layers).some((layer) => theirs.includes(layer));
  });
  return bothSparse && own.sparse!.experts !== model.sparse!.experts
    ? `"${name}" has another number of experts (${model.sparse!.experts}, here ${own.sparse!.experts}); its weights fit a model with as many.` : null;
}

const title = (field: (typeof SAME)[number]): string => {
  const words = (ModelSpec.shape[field].meta() as { title?: string } | undefined)?.title ?? field;
  return words[0]!.toLowerCase() + words.slice(1);
};
