import { expect, test } from "vitest";
import { check, draftOf, valueAt, withValue, type Draft, type Json } from "./draft.ts";
import { paired } from "./pairing.ts";

const plain = draftOf({});
const task = (draft: Draft) => [valueAt(draft, "model.architecture"), valueAt(draft, "data.objective"), valueAt(draft, "data.source.kind")];
/** Mistakes but for files that are still to be named. */
const mistakes = (draft: Draft) => [...check(draft).issues].filter(([path]) => path !== "data.source.paths" && !path.startsWith("data.source.images") && !path.startsWith("data.source.labels"));

const ARCHITECTURES = ["encoder-decoder", "decoder-only", "vision"], OBJECTIVES = ["span-corruption", "causal", "text-to-text", "classification"];
const SOURCES: Json[] = [{ kind: "sample", names: ["moby-dick"] }, { kind: "files", paths: [] }, { kind: "jsonl", paths: [], heldOut: null }, { kind: "images", name: "mnist" }, { kind: "idx", images: "", labels: "" }];

test("whatever is chosen first and next, architecture, objective and data fit each other", () => {
  const choices: [string, Json][] = [
    ...ARCHITECTURES.map((value): [string, Json] => ["model.architecture", value]), ...OBJECTIVES.map((value): [string, Json] => ["data.objective", value]),
    ...SOURCES.map((value): [string, Json] => ["data.source", value]),
  ];
  for (const first of choices) for (const second of choices) {
    const draft = paired(paired(plain, ...first), ...second);
    expect(mistakes(draft), JSON.stringify([first, second])).toEqual([]);
    expect(valueAt(draft, second[0])).toEqual(second[1]);
  }
});

test("the least is changed", () => {
  expect(task(paired(plain, "model.architecture", "vision"))).toEqual(["vision", "classification", "images"]);
  expect(task(paired(plain, "data.objective", "text-to-text"))).toEqual(["encoder-decoder", "text-to-text", "jsonl"]);
  const decoder = paired(plain, "data.objective", "causal");
  expect(task(paired(decoder, "data.objective", "text-to-text"))).toEqual(["decoder-only", "text-to-text", "jsonl"]);
  expect(task(paired(decoder, "data.source", { kind: "files", paths: [] }))).toEqual(["decoder-only", "causal", "files"]);
});

test("stacks that were empty get layers", () => {
  const decoder = withValue(paired(plain, "model.architecture", "decoder-only"), "model.encoderLayers", 0);
  expect(valueAt(paired(decoder, "model.architecture", "vision"), "model.encoderLayers")).toBe(4);
});

test("a routing method takes back what belongs to another", () => {
  const ROUTINGS = ["switch", "top-k", "expert-choice", "hash"];
  const rest: [string, string[]][] = [["overflow", ["drop", "next-choice", "dropless"]], ["balancing", ["auxiliary-loss", "sinkhorn", "bias", "none"]], ["exploration", ["none", "sampling", "jitter", "input-dropout"]]];
  for (const [name, values] of rest) for (const value of values) for (const routing of ROUTINGS) {
    const draft = paired(withValue(plain, `model.sparse.${name}`, value), "model.sparse.routing", routing);
    expect(mistakes(draft), `${value}, ${routing}`).toEqual([]);
  }
});

test("what excludes another choice takes it back", () => {
  const bias = withValue(plain, "model.sparse.balancing", "bias"), sampling = withValue(plain, "model.sparse.exploration", "sampling");
  const both = (draft: Draft) => [valueAt(draft, "model.sparse.balancing"), valueAt(draft, "model.sparse.exploration")];
  expect(both(paired(bias, "model.sparse.exploration", "sampling"))).toEqual(["auxiliary-loss", "sampling"]);
  expect(both(paired(sampling, "model.sparse.balancing", "sinkhorn"))).toEqual(["sinkhorn", "none"]);
  expect(both(paired(sampling, "model.sparse.balancing", "none"))).toEqual(["none", "sampling"]);
  expect(valueAt(paired(withValue(plain, "model.sparse.fixedCapacity", 8), "model.sparse.overflow", "dropless"), "model.sparse.fixedCapacity")).toBeNull();
});

test("what a choice leaves without effect goes back to its default, whatever is chosen next", () => {
  const set: [string, Json][] = [
    ["routing", "top-k"], ["choices", 3], ["probabilityThreshold", 0.5], ["budget", 1.5], ["laterChoices", "random"], ["normalizeGates", false], ["exploration", "jitter"], ["jitter", 0.2],
    ["priority", "probability"], ["capacityGroup", "sequence"], ["auxiliaryLossGroup", "batch"], ["auxiliaryLossForm", "hugging-face"], ["auxiliaryLossSteps", 9], ["zLoss", 0.001], ["routePadding", true], ["every", 1],
  ];
  const full = set.reduce((draft, [name, value]) => paired(draft, `model.sparse.${name}`, value), plain);
  for (const [name, value] of set) expect(valueAt(full, `model.sparse.${name}`), name).toEqual(value);
  const choices: [string, Json][] = [
    ...["switch", "top-k", "expert-choice", "hash"].map((value): [string, Json] => ["model.sparse.routing", value]), ...["drop", "next-choice", "dropless"].map((value): [string, Json] => ["model.sparse.overflow", value]),
    ...["auxiliary-loss", "sinkhorn", "bias", "none"].map((value): [string, Json] => ["model.sparse.balancing", value]), ["model.sparse.exploration", "none"], ["model.sparse.zLoss", 0],
    ["model.sparse.choices", 1], ["model.sparse.layers", { encoder: [0], decoder: [0] }], ["data.objective", "classification"],
  ];
  for (const first of choices) for (const second of choices) {
    const draft = paired(paired(full, ...first), ...second);
    expect(mistakes(draft).filter(([, sentence]) => sentence.startsWith("Counts only")), JSON.stringify([first, second])).toEqual([]);
  }
  expect(valueAt(paired(full, "model.sparse.routing", "switch"), "model.sparse.budget")).toBeNull();
});

test("experts take pruning back", () => {
  const pruned = withValue(withValue(plain, "model.sparse", null), "training.pruning", { kind: "magnitude" });
  expect(valueAt(paired(pruned, "model.sparse", valueAt(plain, "model.sparse")!), "training.pruning")).toBeNull();
});
