// Runs made from what was trained before, from the window to their panels: fine-tuned, upcycled. Distillation: models.spec.ts.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { field, layers, lookAtPanels, sum, train } from "./formRun.ts";
import { expect, startRun, status, test, TINY, type Product } from "./product.ts";

const SHORT = { ...TINY, training: { ...TINY.training, steps: 10, warmupSteps: 2, evaluateEvery: 5, routingEvery: 5, checkpoint: { everySteps: 5 } } };

async function trained(app: Page, spec: unknown): Promise<void> {
  await startRun(app, spec);
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
}

async function derive(app: Page, item: string): Promise<void> {
  await app.getByRole("button", { name: "More for this run" }).click();
  await app.getByRole("menuitem", { name: item }).click();
}

async function newest(product: Product): Promise<{ metrics: Record<string, { last: number; max: number }> }> {
  const [run] = await product.cli("runs", "list") as { id: string }[];
  return (await product.cli("runs", "show", run!.id) as { summary: { metrics: Record<string, { last: number; max: number }> } }).summary;
}

/** A letter, and the same in capitals. */
function pairs(product: Product): string {
  const file = join(product.home, "pairs.jsonl"), letters = "abcdefghijklmnop";
  writeFileSync(file, Array.from({ length: 320 }, (_, i) => `${JSON.stringify({ input: `${letters[i % 16]}${Math.floor(i / 16)}`, target: letters[i % 16]!.toUpperCase() })}\n`).join(""));
  return file;
}

test("a run is fine-tuned on pairs: more dropout in experts, a frozen part, exact match in its panels", async ({ app, product }) => {
  await trained(app, { ...SHORT, name: "general" });
  await derive(app, "Fine-tune…");
  await expect(field(app, "model.sparse.expertDropout")).toHaveValue("0.4");
  await app.getByRole("button", { name: "Start training" }).click();
  await expect(app.getByRole("alert").filter({ hasText: "Name at least one" }).first()).toBeVisible();
  await app.getByLabel("Files of pairs").fill(pairs(product));
  await expect(app.locator(".inspection")).toContainText("320 documents");
  await app.getByLabel("All fields").check();
  await app.locator('[name="training.freeze"][value="router"]').check();
  await field(app, "model.sparse.balancing").selectOption("none");
  await field(app, "training.steps").fill("150");
  await field(app, "training.learningRate").fill("0.01");
  await field(app, "training.batchSize").fill("16");
  await field(app, "training.evaluateEvery").fill("50");
  await train(app);
  await expect(app.locator(".title-button")).toHaveText("general, fine-tuned");
  await expect(app.locator(".origins")).toHaveText("Started from general, step 10");

  // Sixteen letters are learnt: what is shown is the share of held-out targets, not of tokens.
  const match = (await newest(product)).metrics["evaluation.exactMatch"]!.last;
  expect(match).toBeGreaterThan(0.5);
  const figure = app.locator("figure", { hasText: "Exact match" });
  await expect(figure.locator(".figure-summary")).toContainText(`${Number((100 * match).toPrecision(3))}%`);
  await lookAtPanels(app);
  await app.getByRole("tab", { name: "Spec" }).click();
  for (const [name, value] of [["Expert dropout", "0.4"], ["Frozen parts", "router"], ["Balancing", "None"]] as const)
    await expect(app.locator(".spec-groups div", { has: app.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).last()).toContainText(value);
  await expect(app.locator(".spec-groups")).toContainText("pairs.jsonl");
});

test("a dense run is upcycled: it begins far below fresh weights, and its tokens have experts to go to", async ({ app, product }) => {
  await trained(app, { ...SHORT, name: "dense", model: { ...SHORT.model, sparse: null }, training: { ...SHORT.training, steps: 60, learningRate: 0.01 } });
  const dense = (await newest(product)).metrics["loss"]!;
  await derive(app, "Upcycle into a sparse model…");
  await expect(field(app, "model.sparse.experts")).toHaveValue("8");
  await field(app, "model.sparse.experts").fill("4");
  await field(app, "training.steps").fill("10");
  await train(app);
  await expect(app.locator(".origins")).toHaveText("Started from dense, step 60");
  // Fresh weights would begin near ln 384 = 5.95 nats.
  expect((await newest(product)).metrics["loss"]!.max).toBeLessThan((dense.last + 5.95) / 2);
  const found = await layers(product);
  expect(found.map(({ stack, load }) => [stack, load.length])).toEqual([["encoder", 4], ["decoder", 4]]);
  for (const layer of found) expect(sum(layer.load)).toBe(layer.tokens);
  await lookAtPanels(app);
  // It is sparse now.
  await app.getByRole("button", { name: "More for this run" }).click();
  await expect(app.getByRole("menuitem", { name: /^Upcycle/ })).toHaveCount(0);
});
