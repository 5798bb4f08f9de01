// What a spec leads to, in words.
import type { Consequences, StackCapacity } from "../../contract/consequences.ts";
import { choicesOf, type RunSpec, type SparseSpec } from "../../contract/runSpec.ts";
import { shortNumber } from "../charts/quantity.ts";

/** "an expert, of 2,048 in a batch; 512 in evaluation". */
export function capacityNote({ tokens, groups, training, evaluation }: StackCapacity, sparse: SparseSpec, unit = "token"): string {
  const group = groups === 1 ? "a batch" : `each of ${groups} sequences`;
  if (sparse.overflow === "dropless" && sparse.routing !== "expert-choice") return `an expert: every ${unit} of ${group}`;
  const choices = choicesOf(sparse), of = `of ${tokens.toLocaleString("en")} in ${group}`;
  const chosen = choices === 1 || sparse.routing === "expert-choice" ? "" : `, ${shortNumber(choices, 3)} choices each`;
  const why = sparse.fixedCapacity === null ? "" : ", fixed";
  const other = evaluation === training ? "the same in evaluation" : `${evaluation.toLocaleString("en")} in evaluation`;
  return `an expert, ${of}${chosen}${why}; ${other}`;
}

/** What a person might not expect of the spec. */
export function warnings({ model }: Pick<RunSpec, "model">, { capacity }: Pick<Consequences, "capacity">): string[] {
  const { sparse } = model;
  if (!sparse) return [];
  return [
    ...(sparse.routing === "expert-choice" && capacity.some(({ stack }) => stack === "decoder") ? ["In the decoder, experts choose among all tokens of a group: what a token gets depends on later ones, so training sees what generation can’t."] : []),
    ...(sparse.overflow === "dropless" && sparse.routing !== "expert-choice" ? ["Without a limit one expert may get every token of a group: the memory of a step varies, and is largest when the router collapses."] : []),
  ];
}
