// An imported model in words.
import { sparseIndices, stacksOf, type ModelSpec } from "../../contract/modelSpec.ts";
import { counted } from "../charts/quantity.ts";

const ARCHITECTURES: Record<ModelSpec["architecture"], string> = { "encoder-decoder": "encoder-decoder", "decoder-only": "decoder", vision: "vision" };

/** "encoder-decoder, 6 + 6 layers, width 512". */
export const familyText = (model: ModelSpec): string =>
  `${ARCHITECTURES[model.architecture]}, ${stacksOf(model).map(({ layers }) => layers).join(" + ")} layers, width ${model.dModel.toLocaleString("en")}`;

/** "8 in 6 layers", "none: dense". */
export function expertsText(model: ModelSpec): string {
  if (!model.sparse) return "none: dense";
  const layers = stacksOf(model).reduce((sum, { stack, layers: depth }) => sum + sparseIndices(model, stack, depth).length, 0);
  return `${model.sparse.experts.toLocaleString("en")} in ${counted(layers, "layer")}`;
}
