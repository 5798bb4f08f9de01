// Each way of routing: chosen in the form, trained for a few steps, and looked at in every panel.
import type { Page } from "@playwright/test";
import { field, layers, lookAtPanels, sum, tinyForm, train } from "./formRun.ts";
import { expect, test } from "./product.ts";

const whatIf = (app: Page) => app.locator("figure", { hasText: "What if capacity were different" });

test("top-2: two choices a token, and more than one expert each", async ({ app, product }) => {
  await tinyForm(app);
  await expect(field(app, "model.sparse.choices")).toHaveCount(0);
  await field(app, "model.sparse.routing").selectOption("top-k");
  await field(app, "model.sparse.choices").fill("2");
  await expect(app.locator(".consequences div", { hasText: "Capacity, encoder" })).toContainText("2 choices each");
  await train(app);
  for (const layer of await layers(product)) {
    expect(sum(layer.load)).toBe(2 * layer.tokens);
    expect(sum(layer.kept)).toBeGreaterThan(layer.tokens);
    expect(layer.dropped).toBeLessThan(0.5);
  }
  await expect(app.locator("figure", { hasText: "Experts a token" })).toBeVisible();
  await lookAtPanels(app);
});

test("no token left behind: overflow goes on, and what-if says why it can't tell", async ({ app, product }) => {
  await tinyForm(app);
  await field(app, "model.sparse.overflow").selectOption("next-choice");
  await field(app, "model.sparse.capacityFactor.training").fill("1");
  await field(app, "model.sparse.stages").fill("4");
  await train(app);
  for (const layer of await layers(product)) {
    // Places for all, four choices of four experts: nothing is left behind but for padding's share of the places.
    expect(sum(layer.load)).toBe(layer.tokens);
    expect(layer.dropped).toBe(0);
    expect(layer.dropAtCapacityFactor).toEqual([]);
  }
  await lookAtPanels(app);
  await app.getByRole("tab", { name: "Capacity" }).click();
  await expect(whatIf(app)).toContainText("go to their next choice");
});

test("expert choice: experts choose, and the decoder's warning is there", async ({ app, product }) => {
  await tinyForm(app);
  await field(app, "model.sparse.routing").selectOption("expert-choice");
  await expect(app.locator(".consequence-warning")).toContainText("later ones");
  await expect(field(app, "model.sparse.overflow")).toHaveCount(0);
  await train(app);
  for (const layer of await layers(product)) expect(new Set(layer.kept).size).toBe(1);
  await lookAtPanels(app);
  await app.getByRole("tab", { name: "Capacity" }).click();
  await expect(whatIf(app)).toContainText("experts choose their tokens");
});

test("hash: no router, so nothing to balance or explore", async ({ app, product }) => {
  await tinyForm(app);
  await field(app, "model.sparse.routing").selectOption("hash");
  for (const name of ["balancing", "auxiliaryLoss"]) await expect(field(app, `model.sparse.${name}`)).toHaveCount(0);
  await train(app);
  for (const layer of await layers(product)) expect(sum(layer.load)).toBe(layer.tokens);
  await lookAtPanels(app);
});

test("dropless: nothing is dropped, and the form hides capacity", async ({ app, product }) => {
  await tinyForm(app);
  await field(app, "model.sparse.overflow").selectOption("dropless");
  await expect(field(app, "model.sparse.capacityFactor.training")).toHaveCount(0);
  await expect(app.locator(".consequences div", { hasText: "Capacity, encoder" })).toContainText("every token of a batch");
  await train(app);
  for (const layer of await layers(product)) expect([layer.dropped, sum(layer.kept)]).toEqual([0, layer.tokens]);
  await lookAtPanels(app);
  await app.getByRole("tab", { name: "Capacity" }).click();
  await expect(whatIf(app)).toContainText("no capacity limit");
});

test("batch priority, jitter and bias-based balancing together", async ({ app, product }) => {
  await tinyForm(app);
  await app.getByLabel("All fields").check();
  await field(app, "model.sparse.priority").selectOption("probability");
  await field(app, "model.sparse.exploration").selectOption("jitter");
  await field(app, "model.sparse.balancing").selectOption("bias");
  await expect(field(app, "model.sparse.auxiliaryLoss")).toHaveCount(0);
  await field(app, "model.sparse.biasRate").fill("0.01");
  await train(app);
  for (const layer of await layers(product)) expect(sum(layer.load)).toBe(layer.tokens);
  await lookAtPanels(app);
});

test("sinkhorn: a balanced assignment without a loss", async ({ app, product }) => {
  await tinyForm(app);
  await field(app, "model.sparse.balancing").selectOption("sinkhorn");
  await expect(field(app, "model.sparse.auxiliaryLoss")).toHaveCount(0);
  await train(app);
  for (const layer of await layers(product)) {
    expect(sum(layer.load)).toBe(layer.tokens);
    // A router that has just begun sends far more than the fair share somewhere; the assignment does not.
    expect(Math.max(...layer.load)).toBeLessThan(1.5 * layer.tokens / 4);
    expect(layer.dropped).toBeLessThan(0.1);
  }
  await lookAtPanels(app);
});

test("sampling: every expert is tried, and balancing that sampling excludes is put back", async ({ app, product }) => {
  await tinyForm(app);
  await app.getByLabel("All fields").check();
  await field(app, "model.sparse.balancing").selectOption("sinkhorn");
  await field(app, "model.sparse.exploration").selectOption("sampling");
  await expect(field(app, "model.sparse.balancing")).toHaveValue("auxiliary-loss");
  await train(app);
  for (const layer of await layers(product)) {
    expect(sum(layer.load)).toBe(layer.tokens);
    // Probabilities are near 1/4 after so few steps.
    expect(Math.min(...layer.load)).toBeGreaterThan(0.1 * layer.tokens);
  }
  await lookAtPanels(app);
});

test("input dropout: its share belongs to it alone, and the spec keeps it", async ({ app, product }) => {
  await tinyForm(app);
  await app.getByLabel("All fields").check();
  await expect(field(app, "model.sparse.inputDropout")).toHaveCount(0);
  await field(app, "model.sparse.exploration").selectOption("input-dropout");
  await expect(field(app, "model.sparse.jitter")).toHaveCount(0);
  await field(app, "model.sparse.inputDropout").fill("0.3");
  await train(app);
  for (const layer of await layers(product)) expect(sum(layer.load)).toBe(layer.tokens);
  await lookAtPanels(app);
  await app.getByRole("tab", { name: "Spec" }).click();
  await expect(app.locator(".spec-groups div", { hasText: /^Router input dropout/ })).toContainText("0.3");
});

test("variable compute: tokens take experts by probability, places go by the budget", async ({ app, product }) => {
  await tinyForm(app);
  await app.getByLabel("All fields").check();
  await field(app, "model.sparse.routing").selectOption("top-k");
  await field(app, "model.sparse.choices").fill("3");
  await field(app, "model.sparse.probabilityThreshold").fill("0.6");
  await field(app, "model.sparse.budget").fill("4");
  await expect(app.getByRole("alert").filter({ hasText: "above the 3 experts" })).toBeVisible();
  await field(app, "model.sparse.budget").fill("1.5");
  await field(app, "model.sparse.capacityFactor.training").fill("0.7");
  await expect(app.locator(".consequences div", { hasText: "Capacity, encoder" })).toContainText("1.5 choices each");
  await train(app);
  for (const layer of await layers(product)) {
    // Some tokens were content with two, none with one: no router is that sure so early.
    expect(sum(layer.load)).toBeGreaterThan(layer.tokens);
    expect(sum(layer.load)).toBeLessThan(3 * layer.tokens);
    expect(sum(layer.kept)).toBeLessThan(sum(layer.load));
  }
  await expect(app.locator("figure", { hasText: "Experts a token" })).toBeVisible();
  await lookAtPanels(app);
});

test("top-2 with second choices at random, counted per sequence, its losses for the first steps alone", async ({ app, product }) => {
  await tinyForm(app);
  await app.getByLabel("All fields").check();
  await field(app, "model.sparse.routing").selectOption("top-k");
  await field(app, "model.sparse.laterChoices").selectOption("random");
  await field(app, "model.sparse.capacityGroup").selectOption("sequence");
  await field(app, "model.sparse.auxiliaryLossGroup").selectOption("sequence");
  await field(app, "model.sparse.zLoss").fill("0.001");
  await field(app, "model.sparse.auxiliaryLossSteps").fill("5");
  await expect(app.locator(".consequences div", { hasText: "Capacity, encoder" })).toContainText("each of 4 sequences");
  await train(app);
  for (const layer of await layers(product)) {
    // Second choices have a weight near one half after so few steps, so that some are sent and some are not.
    expect(sum(layer.load)).toBeGreaterThan(layer.tokens);
    expect(sum(layer.load)).toBeLessThanOrEqual(2 * layer.tokens);
  }
  await lookAtPanels(app);
  // Past the fifth step nothing but cross-entropy is trained on.
  const [run] = await product.cli("runs", "list") as { id: string }[];
  const [loss, total] = await Promise.all(["loss", "totalLoss"].map((name) => product.cli("runs", "metrics", run!.id, "--name", name))) as [{ step: number; value: number }[], { step: number; value: number }[]];
  const added = (step: number) => total.find((row) => row.step === step)!.value - loss.find((row) => row.step === step)!.value;
  expect(added(2)).toBeGreaterThan(0.01);
  expect(Math.abs(added(9))).toBeLessThan(1e-6);
});
