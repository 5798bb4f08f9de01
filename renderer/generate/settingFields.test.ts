import { expect, test } from "vitest";
import { GenerationSettings } from "../../contract/generation.ts";
import { exampleText, settingFacts, settingsOf } from "./settingFields.ts";

test("each setting belongs to a method or to all, and is explained", () => {
  const all = new Set(["method", ...["greedy", "sampling", "beam"].flatMap(settingsOf)]);
  expect([...all].toSorted()).toEqual(Object.keys(GenerationSettings.shape).toSorted());
  for (const setting of Object.keys(GenerationSettings.shape)) {
    const { title, description } = settingFacts(setting as never);
    expect(title).not.toBe(setting);
    expect(description.length).toBeGreaterThan(10);
  }
  expect(settingFacts("method").choices).toContainEqual({ value: "beam", label: "Beam search" });
});

test("the example of span corruption hides spans in order, that of a causal model none", () => {
  expect([...exampleText("span-corruption").matchAll(/<extra_id_(\d)>/g)].map(([, number]) => number)).toEqual(["0", "1"]);
  expect(exampleText("causal")).not.toContain("<");
});
