import { expect, test } from "vitest";
import { DistillationSpec, PruningSpec } from "../../contract/runSpec.ts";
import { draftOf, valueAt, withValue, type Draft, type Json } from "./draft.ts";
import { isRelevant } from "./relevance.ts";
import { fieldFacts, GROUPS, hasControl, OWN_CONTROLS } from "./specFields.ts";

const plain = draftOf({});
const teacher: Json = { kind: "run", id: "0199aaaa-0000-7000-8000-00000000000a", step: null };
/** Every part switched on, so that every field is there. */
const full: Draft = [
  ["start", teacher], ["distillation", { ...DistillationSpec.omit({ teacher: true }).parse({}), teacher }],
  ["training.pruning", PruningSpec.parse({}) as Json], ["model.sparse.layers", { encoder: [1], decoder: [1] }],
].reduce((draft, [path, value]) => withValue(draft, path as string, value as Json), plain);

const shown = new Set(GROUPS.flatMap(({ paths }) => paths));
const own = (path: string): boolean => OWN_CONTROLS.some((control) => path === control || path.startsWith(`${control}.`)) || path.startsWith("training.optimizer");

test("every field of the form is in the schema, with a title and a value in the draft", () => {
  for (const path of shown) {
    expect(fieldFacts(path).title, path).not.toBe(path.split(".").at(-1));
    expect(valueAt(full, path), path).not.toBeUndefined();
  }
});

test("every field of a spec can be reached in the form", () => {
  const notAsked = ["version", "lineage"];
  const leaves = (value: Json, path: string): string[] =>
    typeof value === "object" && value !== null && !Array.isArray(value) && !notAsked.includes(path) ? Object.entries(value).flatMap(([name, inner]) => leaves(inner, path ? `${path}.${name}` : name)) : [path];
  expect(leaves(full, "").filter((path) => !shown.has(path) && !own(path) && !notAsked.includes(path))).toEqual([]);
});

test("a mistake at a field of the form is told there, any other in the list", () => {
  for (const path of ["training.l1", "training.pruning.endStep", "training.freeze.0", "model.sparse.layers.encoder.2", "distillation.teacher.id", "start", "data.source.heldOut.0"])
    expect(hasControl(path, "adamw"), path).toBe(true);
  for (const path of ["model.width", "mesh.rows", "training.optimizer.decayRate", ""]) expect(hasControl(path, "adamw"), path).toBe(false);
});

test("a number that can be empty says what that means; a list is of things to choose", () => {
  expect(fieldFacts("model.sparse.fixedCapacity")).toMatchObject({ kind: "integer", minimum: 1, off: "by the factor" });
  expect(fieldFacts("model.sparse.budget")).toMatchObject({ kind: "number", off: "k places a token" });
  expect(fieldFacts("training.freeze")).toMatchObject({ kind: "checks", off: null });
  expect(fieldFacts("training.freeze").choices.map(({ value }) => value)).toEqual(["embeddings", "attention", "dense", "experts", "router", "norms"]);
  expect(fieldFacts("training.steps").off).toBeNull();
  for (const path of shown) if (fieldFacts(path).off !== null) expect(fieldFacts(path).off, path).not.toBe("none");
});

const sparse = (changes: Record<string, Json>): Draft => Object.entries(changes).reduce((draft, [name, value]) => withValue(draft, `model.sparse.${name}`, value), plain);
const relevant = (draft: Draft): string[] => [...shown].filter((path) => isRelevant(path, draft)).map((path) => path.replace("model.sparse.", ""));

test("a field has a consequence only beside the choice it belongs to", () => {
  expect(relevant(plain)).not.toEqual(expect.arrayContaining(["choices"]));
  for (const [changes, more] of [
    [{ routing: "top-k" }, ["choices", "laterChoices", "normalizeGates", "probabilityThreshold", "budget"]],
    [{ overflow: "next-choice" }, ["stages"]], [{ exploration: "jitter" }, ["jitter"]], [{ exploration: "input-dropout" }, ["inputDropout"]],
    [{ balancing: "bias" }, ["biasRate"]],
  ] as const) {
    const base = relevant(plain), changed = relevant(sparse(changes));
    expect(changed.filter((path) => !base.includes(path)), JSON.stringify(changes)).toEqual(more);
  }
  for (const [changes, gone] of [
    [{ overflow: "dropless" }, ["capacityFactor.training", "capacityFactor.evaluation", "priority", "fixedCapacity"]],
    [{ balancing: "none" }, ["auxiliaryLoss", "auxiliaryLossGroup", "auxiliaryLossForm", "auxiliaryLossSteps"]],
    [{ routing: "expert-choice" }, ["overflow", "priority"]],
    [{ routing: "hash" }, ["exploration", "balancing", "auxiliaryLoss", "zLoss", "auxiliaryLossGroup", "auxiliaryLossForm", "auxiliaryLossSteps"]],
    [{ fixedCapacity: 4 }, ["capacityFactor.training", "capacityFactor.evaluation"]],
  ] as const) {
    const base = relevant(plain), changed = relevant(sparse(changes as Record<string, Json>));
    expect(base.filter((path) => !changed.includes(path)), JSON.stringify(changes)).toEqual([...gone]);
  }
});

test("a dense model has no routing, a vision model no text", () => {
  const dense = withValue(plain, "model.sparse", null);
  expect([...shown].filter((path) => path.startsWith("model.sparse") && isRelevant(path, dense))).toEqual([]);
  const vision = relevant(withValue(plain, "model.architecture", "vision"));
  for (const path of ["data.inputLength", "data.targetLength", "model.decoderLayers", "model.tiedEmbeddings", "model.relativePositionBuckets"]) expect(vision, path).not.toContain(path);
  expect(vision).toContain("model.patchSize");
});
