// Which part of weights and data each rank of a mesh holds.
import { placeOf, ranksOf, sharesOf } from "../../../contract/meshSpec.ts";
import type { RunSpec } from "../../../contract/runSpec.ts";

export interface Slice {
  /** Ranks with the same number hold the same. */
  number: number;
  /** "experts 0–3, columns 0–1,023". */
  text: string;
}
export interface Slices {
  rank: number;
  batch: Slice;
  /** Attention and dense feed-forward layers. */
  dense: Slice;
  /** Null in a dense model. */
  experts: Slice | null;
}

const range = (part: number, of: number, whole: number): string => {
  const size = whole / of, from = part * size;
  return size === 1 ? from.toLocaleString("en") : `${from.toLocaleString("en")}–${(from + size - 1).toLocaleString("en")}`;
};
const named = (one: string, part: number, of: number, whole: number): string => (of === 1 ? `all ${one}s` : `${one}${whole === of ? "" : "s"} ${range(part, of, whole)}`);

/** Every rank's slices. Embeddings, norms and routers are whole on every rank. */
export function slicesOf({ mesh, model, training }: RunSpec): Slices[] {
  return Array.from({ length: ranksOf(mesh) }, (_, rank) => {
    const place = placeOf(rank, mesh), share = place.data * mesh.expert + place.expert;
    const columns = named("column", place.model, mesh.model, model.dFf);
    return {
      rank,
      batch: { number: share, text: named("sequence", share, sharesOf(mesh), training.batchSize) },
      dense: { number: place.model, text: `${named("head", place.model, mesh.model, model.heads)}, ${columns}` },
      experts: model.sparse ? { number: place.expert * mesh.model + place.model, text: `${named("expert", place.expert, mesh.expert, model.sparse.experts)}, ${columns}` } : null,
    };
  });
}
