// Imported models: brought in from a folder, made into runs, deleted. The folder is one that transformers wrote.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, reachStep, startRun, status, test, TINY } from "./product.ts";

const FOLDER = join(import.meta.dirname, "../scripts/fixtures/transformers/switch-odd-sizes");
const config = JSON.parse(readFileSync(join(FOLDER, "config.json"), "utf8")) as { d_model: number; num_experts: number };
const field = (name: string) => `[name="${name}"]`;

test("a model is imported, seen before and after, offered to be trained further, and deleted after a question", async ({ app, product }) => {
  await app.getByRole("button", { name: /^Imported models/ }).click();
  await expect(app.getByRole("heading", { name: "No model is imported yet" })).toBeVisible();
  const folder = app.getByLabel("Import a folder in transformers’ layout");
  await folder.fill("/no/such/folder");
  await expect(app.locator("#import-found .field-error")).toContainText("/no/such/folder");
  await expect(app.getByRole("button", { name: "Import", exact: true })).toBeDisabled();
  await folder.fill(FOLDER);
  await expect(app.locator("#import-found")).toContainText(`experts ${config.num_experts} in`);
  await app.getByRole("button", { name: "Import", exact: true }).click();
  const row = app.locator(".model-table tbody tr");
  await expect(row).toHaveCount(1);
  await expect(row).toContainText("switch-odd-sizes");
  await expect(row).toContainText(`layers of ${config.d_model}`);
  await expect(row).toHaveAttribute("aria-selected", "true");
  const [model] = await product.cli("model", "list") as { id: string }[];

  await row.getByRole("button", { name: "Fine-tune…" }).click();
  await expect(app.getByRole("heading", { name: "Fine-tune" })).toBeVisible();
  await expect(app.locator(field("start"))).toHaveValue(`model ${model!.id}`);
  await expect(app.locator(field("data.objective"))).toHaveValue("text-to-text");
  await expect(app.locator(field("model.dModel"))).toHaveValue(String(config.d_model));
  await app.getByRole("button", { name: "Cancel" }).click();

  await app.reload();
  await expect(row).toHaveCount(1);
  await row.getByRole("button", { name: "More for switch-odd-sizes" }).click();
  // It is sparse already.
  await expect(app.getByRole("menuitem", { name: /^Upcycle/ })).toHaveCount(0);
  await app.getByRole("menuitem", { name: "Delete…" }).click();
  await app.getByRole("button", { name: "Delete for good" }).click();
  await expect(app.getByRole("heading", { name: "No model is imported yet" })).toBeVisible();
  expect(await product.cli("model", "list")).toEqual([]);
});

test("a run teaches a dense one, which says whom it learned from and what it kept", async ({ app }) => {
  const short = { ...TINY, training: { ...TINY.training, steps: 10, warmupSteps: 2, evaluateEvery: 5, checkpoint: { everySteps: 5 } } };
  const finished = () => expect(status(app)).toContainText("completed", { timeout: 90_000 });
  await startRun(app, { ...short, name: "teacher" });
  await finished();
  await startRun(app, { ...short, name: "alone", model: { ...short.model, sparse: null } });
  await finished();
  await app.locator(".run-row", { hasText: "teacher" }).locator(".run-choice").click();
  await expect(app.locator(".title-button")).toHaveText("teacher");
  await app.getByRole("button", { name: "More for this run" }).click();
  await app.getByRole("menuitem", { name: "Distil into a dense model…" }).click();
  await expect(app.locator(field("distillation.hardShare"))).toHaveValue("0.75");
  await expect(app.locator(field("model.sparse.experts"))).toHaveCount(0);
  await app.getByRole("button", { name: "Start training" }).click();
  await reachStep(app, 1);
  await finished();
  await expect(app.locator(".origins")).toHaveText("Teacher teacher, step 10");
  await expect(app.locator("figure", { hasText: "Distillation loss" }).locator(".figure-summary")).toContainText("distillation loss");
  await app.locator(".run-row", { hasText: "alone" }).locator(".eye").click();
  await app.keyboard.press("c");
  await expect(app.locator(".compare-table tr", { hasText: "teacher’s gain kept" })).toContainText(/%|none: the teacher/);
});

test("an address opens a derivation again, and one that can't be is refused in a sentence", async ({ app, product }) => {
  await startRun(app, { ...TINY, name: "sparse", training: { ...TINY.training, steps: 10, warmupSteps: 2 } });
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  const [run] = await product.cli("runs", "list") as { id: string }[];
  await app.goto(`${new URL(app.url()).origin}/?page=new&source=${run!.id}&as=upcycle`);
  await expect(app.getByRole("alert")).toContainText('"sparse" already has 4 experts');
  await app.goto(`${new URL(app.url()).origin}/?page=new&source=${run!.id}&as=fine-tune`);
  await expect(app.locator(field("name"))).toHaveValue("sparse, fine-tuned");
});
