// Imported models: brought in from a folder, made into runs, deleted. The folder is one that transformers wrote.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeModelFolder } from "../scripts/fixtures/modelFolder.ts";
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
  await expect(row).toContainText(`layers, width ${config.d_model}`);
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

test("an imported model writes: brought in with its tokenizer, asked from the page, and the same from the terminal", async ({ app, product }) => {
  const folder = writeModelFolder(join(product.home, "letters"));
  await app.keyboard.press("m");
  await app.getByLabel("Import a folder in transformers’ layout").fill(folder);
  await expect(app.locator("#import-found")).toContainText("23 tokens, with a tokenizer");
  await app.getByRole("button", { name: "Import", exact: true }).click();
  await expect(app.locator(".model-table tbody tr")).toContainText("letters");
  // The weights were copied.
  rmSync(folder, { recursive: true });
  await app.getByRole("button", { name: "More for letters" }).click();
  await app.getByRole("menuitem", { name: "Generate…" }).click();
  await expect(app.getByRole("heading", { name: "letters" })).toBeVisible();
  await expect(app.getByLabel("Checkpoint")).toHaveCount(0);
  await app.getByLabel("Input", { exact: true }).fill("a <extra_id_0> cat");
  await app.getByLabel("Tokens at most").fill("8");
  await app.getByRole("button", { name: "Generate", exact: true }).click();
  const result = app.getByRole("region", { name: "Generated text" });
  await expect(result).toContainText(/came to its end|cut at the token limit/, { timeout: 60_000 });
  await expect(result.getByText("Checkpoint")).toHaveCount(0);
  await expect(result.getByRole("group", { name: "Input, token by token" }).locator(".token").first()).toHaveAttribute("data-expert", /^[0-2]$/);
  await result.getByText("Table", { exact: true }).click();
  const written = await product.cli("generate", "letters", "--input", "a <extra_id_0> cat", "--max-tokens", "8") as { texts: { output: { id: number }[] }[] };
  await expect(result.getByRole("table", { name: "Output" }).locator("tbody tr")).toHaveCount(written.texts[0]!.output.length);
  // The address opens it again; without a tokenizer it says what to do.
  await app.reload();
  await expect(app.getByRole("heading", { name: "letters" })).toBeVisible();
  await app.getByRole("button", { name: "Back to the models" }).click();
  await app.getByLabel("Import a folder in transformers’ layout").fill(FOLDER);
  await app.getByRole("button", { name: "Import", exact: true }).click();
  await app.getByRole("button", { name: "More for switch-odd-sizes" }).click();
  await app.getByRole("menuitem", { name: "Generate…" }).click();
  await expect(app.getByRole("heading", { name: "Its tokens stand for no text" })).toBeVisible();
});

test("a run teaches a dense one, which says whom it learned from and what it kept", async ({ app, product }) => {
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
  await expect(app.locator(".consequences div", { hasText: "Memory, about" })).toContainText(/teacher \d/);
  await app.getByRole("button", { name: "Start training" }).click();
  await reachStep(app, 1);
  await finished();
  await expect(app.locator(".origins")).toHaveText("Teacher teacher, step 10");
  await expect(app.locator("figure", { hasText: "Distillation loss" }).locator(".figure-summary")).toContainText("Distillation loss");
  await app.locator(".run-row", { hasText: "alone" }).locator(".eye").click();
  await app.keyboard.press("c");
  const runs = await product.cli("runs", "list") as { id: string; name: string }[], idOf = (name: string) => runs.find((run) => run.name === name)!.id;
  const { gainKept } = await product.cli("distill", "report", idOf("teacher, distilled"), "--dense", idOf("alone")) as { gainKept: number | null };
  await expect(app.locator(".compare-table tr", { hasText: "teacher’s gain kept" })).toContainText(gainKept === null ? "none: the teacher" : `${Number((100 * gainKept).toPrecision(4))}%`);
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
