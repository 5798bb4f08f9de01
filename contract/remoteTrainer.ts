// What the JAX trainer of remote hosts does not do: the form, `train --host` and the trainer itself refuse the same, each at the field that a person would change.
import type { Misfit } from "./meshFit.ts";
import type { RunSpec } from "./runSpec.ts";

/** A field that may hold these values alone. */
interface Limit {
  path: string;
  values: readonly (string | null)[];
  message: string;
}

/** Written for the trainer as well: remote/generateContract.ts. */
export const JAX_TRAINER_LIMITS: readonly Limit[] = [
  { path: "model.architecture", values: ["encoder-decoder", "decoder-only"], message: "The JAX trainer has no vision models; choose an encoder-decoder or a decoder, or train on this machine." },
  { path: "model.sparse.routing", values: ["switch", "top-k"], message: "The JAX trainer routes by Switch or top-k; choose one of them, or train on this machine." },
  { path: "model.sparse.overflow", values: ["drop", "dropless"], message: "The JAX trainer does not send tokens on to their next choice; let them be dropped, or train on this machine." },
  { path: "model.sparse.balancing", values: ["auxiliary-loss", "none"], message: "The JAX trainer balances by the auxiliary loss or not at all; choose one of them, or train on this machine." },
  { path: "start", values: [null], message: "The JAX trainer begins with fresh weights or goes on from a checkpoint of the same run; clear this, or train on this machine." },
  { path: "distillation", values: [null], message: "The JAX trainer does not distil; turn this off, or train on this machine." },
  { path: "training.pruning", values: [null], message: "The JAX trainer does not prune; turn this off, or train on this machine." },
];

/** The fields of a spec that a remote host can't train, each with a sentence; empty where it can. */
export function untrainableFields(spec: RunSpec): Misfit[] {
  return JAX_TRAINER_LIMITS.filter(({ path, values }) => {
    const value = valueAt(spec, path);
    return value !== undefined && !(values as readonly unknown[]).includes(value);
  }).map(({ path, message }) => ({ path, message }));
}

/** undefined where a field above it is off. */
function valueAt(spec: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((at, name) => (at as Record<string, unknown> | null | undefined)?.[name], spec);
}
