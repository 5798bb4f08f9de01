// From nothing to a trained model, and everything that may happen on the way.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, reachStep, startRun, status, test, TINY } from "./product.ts";

test("the first start offers one button; pressed, the loss falls and every panel is alive", async ({ app }) => {
  await expect(app.getByRole("heading", { name: "Train a Switch Transformer" })).toBeVisible();
  await app.getByRole("button", { name: "Train the sample" }).click();
  await expect(status(app)).toContainText("running", { timeout: 60_000 });
  await reachStep(app, 60);
  // The summary in words is the chart's text alternative; it is of real numbers.
  const summary = await app.locator("figure", { hasText: "Cross-entropy" }).first().locator(".figure-summary").innerText();
  const [, from, to] = /fell from ([\d.]+) to ([\d.]+) in/.exec(summary) ?? [];
  expect(Number(to), summary).toBeLessThan(Number(from) * 0.7);
  for (const [tab, figures] of [["Routing", 3], ["Capacity", 3], ["Balance", 3]] as const) {
    await app.getByRole("tab", { name: tab }).click();
    await expect.poll(() => app.locator(".tab-panel:not([hidden]) figure canvas").count(), { message: tab }).toBeGreaterThanOrEqual(figures);
    await expect(app.locator(".tab-panel:not([hidden]) .figure-state[data-kind=error]")).toHaveCount(0);
  }
  await app.getByRole("button", { name: "Stop and save" }).click();
  await expect(status(app)).toContainText("stopped", { timeout: 60_000 });
  await app.getByRole("tab", { name: "Files" }).click();
  await expect(app.locator(".file-table tbody tr")).not.toHaveCount(0);
});

test("a form filled by hand trains what it says", async ({ app, product }) => {
  await app.keyboard.press("n");
  const field = (name: string) => app.locator(`[name="${name}"]`);
  await field("name").fill("by hand");
  for (const [name, value] of [["model.dModel", 32], ["model.dFf", 64], ["model.heads", 2], ["model.dKv", 16], ["model.encoderLayers", 2], ["model.decoderLayers", 2], ["model.sparse.experts", 4], ["data.inputLength", 32], ["data.targetLength", 16], ["training.batchSize", 4], ["training.steps", 40], ["training.warmupSteps", 5], ["training.evaluateEvery", 20]] as const)
    await field(name).fill(String(value));
  // Consequences follow what was typed: 4 sequences of 32 and 16 tokens.
  const tokens = app.locator(".consequences div", { hasText: "Tokens a step" });
  await expect(tokens).toContainText("192");
  await app.getByRole("button", { name: "Start training" }).click();
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  await app.getByRole("tab", { name: "Spec" }).click();
  await expect(app.locator(".spec-groups div", { hasText: "Model width" }).last()).toContainText("32");
  const [run] = await product.cli("runs", "list") as { id: string; step: number; name: string }[];
  expect(run).toMatchObject({ name: "by hand", step: 40 });
  // Load sums to the tokens routed, and nothing is kept beyond capacity.
  for (const layer of await product.cli("runs", "routing", run!.id) as { load: number[]; kept: number[]; capacity: number; tokens: number; groups: number }[]) {
    expect(layer.load.reduce((sum, count) => sum + count)).toBe(layer.tokens);
    for (const kept of layer.kept) expect(kept).toBeLessThanOrEqual(layer.capacity * layer.groups);
  }
});

test("the backend is killed while a run trains: the run goes on, the page comes back, no step is lost", async ({ app, product }) => {
  await startRun(app, { ...TINY, training: { ...TINY.training, steps: 3000, evaluateEvery: 1000, checkpoint: { everySteps: 500 } } });
  await reachStep(app, 20);
  await product.kill();
  await expect(app.getByText("backend lost, reconnecting…")).toBeVisible();
  // What was shown stays.
  await expect(app.locator("figure", { hasText: "Cross-entropy" }).first()).toBeVisible();
  await app.waitForTimeout(1500);
  await product.start();
  await expect(app.getByText("backend connected")).toBeVisible({ timeout: 30_000 });
  const before = Number(/step ([\d,]+)/.exec(await app.locator(".run-progress-text").innerText())![1]!.replaceAll(",", ""));
  await reachStep(app, before + 30);
  await app.getByRole("button", { name: "Stop and save" }).click();
  await expect(status(app)).toContainText("stopped", { timeout: 60_000 });
  const [run] = await product.cli("runs", "list") as { id: string; step: number }[];
  const rows = await product.cli("runs", "metrics", run!.id, "--name", "loss") as { step: number }[];
  expect(rows.map(({ step }) => step)).toEqual(Array.from({ length: run!.step }, (_, index) => index + 1));
});

test("a stopped run resumes where it was, and trains further than it was meant to", async ({ app }) => {
  await startRun(app, { ...TINY, training: { ...TINY.training, steps: 2000, evaluateEvery: 1000 } });
  await reachStep(app, 30);
  await app.getByRole("button", { name: "Stop and save" }).click();
  await expect(status(app)).toContainText("stopped", { timeout: 60_000 });
  const stopped = Number(/step ([\d,]+)/.exec(await app.locator(".run-progress-text").innerText())![1]!.replaceAll(",", ""));
  await app.getByRole("button", { name: "Resume" }).click();
  await reachStep(app, stopped + 20);
  await app.getByRole("button", { name: "Stop and save" }).click();
  await expect(status(app)).toContainText("stopped", { timeout: 60_000 });
  const again = Number(/step ([\d,]+)/.exec(await app.locator(".run-progress-text").innerText())![1]!.replaceAll(",", ""));
  await app.getByRole("button", { name: "More for this run" }).click();
  await app.getByRole("menuitem", { name: "Train further…" }).click();
  await app.getByLabel(/Steps in all/).fill(String(again + 25));
  await app.getByRole("button", { name: "Train", exact: true }).click();
  await expect(status(app)).toContainText("completed", { timeout: 60_000 });
  await expect(app.locator(".run-progress-text")).toContainText(`step ${(again + 25).toLocaleString("en")} of`);
});

test("a trainer killed with -9 is told as such, and the run resumes from its checkpoint", async ({ app, product }) => {
  await startRun(app, { ...TINY, training: { ...TINY.training, steps: 5000, evaluateEvery: 1000 } });
  await reachStep(app, 45);
  const [run] = readdirSync(join(product.home, "runs"));
  const { pid } = JSON.parse(readFileSync(join(product.home, "runs", run!, "process.json"), "utf8")) as { pid: number };
  process.kill(pid, "SIGKILL");
  await expect(status(app)).toContainText("failed", { timeout: 30_000 });
  await expect(app.locator(".run-message")).toContainText(/killed|ended/i);
  await app.getByRole("button", { name: "Resume" }).click();
  await expect(status(app)).toContainText("running", { timeout: 60_000 });
  await app.getByRole("button", { name: "Stop and save" }).click();
  await expect(status(app)).toContainText("stopped", { timeout: 60_000 });
});
