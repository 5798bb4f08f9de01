// What a metric is called and counted in, by what the model predicts.
import { expect, test } from "vitest";
import { METRICS, metricDefinition, targetOf } from "./metrics.ts";

test("a vision model is measured by the image, every other one by the token", () => {
  const vision = targetOf({ model: { architecture: "vision" } });
  expect([vision, targetOf({ model: { architecture: "decoder-only" } }), targetOf(null)]).toEqual(["image", "token", "token"]);
  for (const name of Object.keys(METRICS) as (keyof typeof METRICS)[]) {
    expect(metricDefinition(name), name).toEqual(METRICS[name]);
    const { unit, definition } = metricDefinition(name, vision);
    expect(unit, name).not.toMatch(/nats\/token|target tokens/);
    // Tokens of the routing are patches; a loss has none.
    if (unit === "nats/image") expect(definition, name).not.toContain("token");
  }
  expect(metricDefinition("evaluation.accuracy", vision)).toMatchObject({ unit: "of images", label: "evaluation accuracy", better: "higher" });
  expect(metricDefinition("mine", vision)).toMatchObject({ label: "mine", unit: "" });
});
