// Whether a mesh divides a model and its batch: what an axis cuts must be a multiple of it.
import { sharesOf, type MeshSpec } from "./meshSpec.ts";
import type { RunSpec } from "./runSpec.ts";

export interface Misfit {
  /** The field of a spec that a person would change. */
  path: string;
  message: string;
}

/** Why a mesh does not fit; empty where it does. */
export function misfitsOf({ model, training }: Pick<RunSpec, "model" | "training">, mesh: MeshSpec): Misfit[] {
  const misfits: Misfit[] = [], shares = sharesOf(mesh), wrong = (path: string, message: string) => misfits.push({ path, message });
  if (mesh.expert > 1 && !model.sparse) wrong("mesh.expert", "A dense model has no experts to split; use the data or the model axis.");
  else if (model.sparse && model.sparse.experts % mesh.expert !== 0) wrong("mesh.expert", `${model.sparse.experts} experts can't be split evenly over ${mesh.expert} ranks; choose an expert axis that divides them.`);
  if (model.heads % mesh.model !== 0) wrong("mesh.model", `${model.heads} attention heads can't be split evenly over ${mesh.model} ranks; choose a model axis that divides them.`);
  else if (model.dFf % mesh.model !== 0) wrong("mesh.model", `${model.dFf} feed-forward columns can't be split evenly over ${mesh.model} ranks; choose a model axis that divides them.`);
  if (training.batchSize % shares !== 0) wrong("training.batchSize", `A batch of ${training.batchSize} can't be split evenly over the ${mesh.data} × ${mesh.expert} ranks of the data and expert axes; make it a multiple of ${shares}.`);
  return misfits;
}
