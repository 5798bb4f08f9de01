// One word names a run or a model, by the same rule in every command.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ModelFile } from "../contract/modelFile.ts";
import { RunSpec } from "../contract/runSpec.ts";
import { temporaryHome } from "../backend/fixtures/temporaryHome.ts";
import { findImportedModel, findModelSource, findTrainedOnDisk } from "./modelReference.ts";

const home = temporaryHome();
const RUN = "01990000-0000-7000-8000-00000000000a", LETTERS = "01990000-0000-7000-8000-00000000000b", OTHER = "01991111-0000-7000-8000-00000000000c", TWIN = "01992222-0000-7000-8000-00000000000d";

function model(id: string, name: string): void {
  mkdirSync(join(home.models, id), { recursive: true });
  const file: ModelFile = { v: 1, id, name, importedAt: 1, source: "/s", model: RunSpec.parse({}).model, vocabularySize: 9, padToken: 0, startToken: 0, endToken: 1, tokenizer: null, parameters: 1, files: [] };
  writeFileSync(join(home.models, id, "model.json"), JSON.stringify(ModelFile.parse(file)));
}
mkdirSync(join(home.runs, RUN), { recursive: true });
writeFileSync(join(home.runs, RUN, "spec.json"), JSON.stringify(RunSpec.parse({ name: "mine" })));
model(LETTERS, "letters");
model(OTHER, "twin");
model(TWIN, "twin");

test("a model's name, or the beginning of an id of either kind, however short, without dashes and in any case", () => {
  expect(findTrainedOnDisk(home, "letters")).toEqual({ kind: "model", id: LETTERS, name: "letters" });
  expect(findTrainedOnDisk(home, "019911")).toEqual({ kind: "model", id: OTHER, name: "twin" });
  expect(findTrainedOnDisk(home, RUN.toUpperCase().replaceAll("-", ""))).toEqual({ kind: "run", id: RUN, name: "mine" });
  expect(findModelSource(home, RUN, 5)).toEqual({ kind: "run", id: RUN, step: 5 });
  expect(findModelSource(home, "letters", null)).toEqual({ kind: "model", id: LETTERS });
  expect(findModelSource(home, "./letters", null)).toEqual({ kind: "folder", directory: "./letters" });
  expect(findImportedModel(home, "0199000").file.id).toBe(LETTERS);
});

test("what means several or none is refused with what to do", () => {
  expect(() => findTrainedOnDisk(home, "01990000")).toThrow(/^2 runs and models begin with "01990000" .*; give more of the id\.$/);
  expect(() => findTrainedOnDisk(home, "twin")).toThrow(/^2 imported models are called "twin" .*; give the id\.$/);
  expect(() => findTrainedOnDisk(home, "nobody")).toThrow('No imported model is called "nobody" and it is no id; "switchyard runs list" and "switchyard model list" show all.');
  expect(() => findImportedModel(home, "ffff")).toThrow('No imported model\'s id begins with "ffff"; "switchyard model list" shows all.');
});
