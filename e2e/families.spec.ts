// Each model family: chosen in the form, trained for a few steps, and looked at in every panel.
import { field, layers, lookAtPanels, tinyForm, train } from "./formRun.ts";
import { expect, test } from "./product.ts";

test("vision: patches are tokens, and only the encoder is shown", async ({ app, product }) => {
  await tinyForm(app);
  await field(app, "model.architecture").selectOption("vision");
  await expect(field(app, "data.objective")).toHaveValue("classification");
  for (const name of ["data.inputLength", "model.decoderLayers"]) await expect(field(app, name)).toHaveCount(0);
  await expect(app.locator(".consequences div", { hasText: "Patches a step" })).toContainText("64");
  await train(app);
  expect((await layers(product)).map(({ stack, tokens }) => [stack, tokens])).toEqual([["encoder", 64]]);
  await expect(app.locator("figure", { hasText: "Evaluation accuracy" })).toBeVisible();
  await lookAtPanels(app);
  await app.getByRole("tab", { name: "Files" }).click();
  await expect(app.getByRole("columnheader", { name: "Evaluation cross-entropy (nats/image)" })).toBeVisible();
  await app.getByRole("tab", { name: "Routing" }).click();
  await expect(app.getByText("Tokens are patches of the images.")).toBeVisible();
});

test("decoder alone, gated layers, sparse by number", async ({ app, product }) => {
  await tinyForm(app);
  await field(app, "data.objective").selectOption("causal");
  await field(app, "model.feedForward").selectOption("gated-gelu");
  await app.getByLabel("All fields").check();
  await field(app, "model.sparse.layers").check();
  await field(app, "model.sparse.layers.decoder").fill("0, 1");
  await train(app);
  expect((await layers(product)).map(({ stack }) => stack)).toEqual(["decoder", "decoder"]);
  await lookAtPanels(app);
});

test("dense with pruning: sparsity is charted, routing says that there is none", async ({ app }) => {
  await tinyForm(app);
  await app.getByText("Dense", { exact: true }).click();
  await field(app, "training.pruning").check();
  await field(app, "training.pruning.beginStep").fill("2");
  await field(app, "training.pruning.endStep").fill("8");
  await field(app, "training.pruning.everySteps").fill("2");
  await train(app);
  const sparsity = app.locator("figure", { hasText: "Sparsity" });
  await expect(sparsity.locator(".figure-summary")).toContainText(/80/);
  await app.getByRole("tab", { name: "Routing" }).click();
  await expect(app.locator(".tab-panel:not([hidden])")).toContainText("This run is dense");
});
