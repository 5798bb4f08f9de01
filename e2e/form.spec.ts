// Bad input: one sentence beside the field, and nothing is lost.
import { expect, startRun, status, test, TINY } from "./product.ts";

test("a wrong number is told beside its field, and the run does not start", async ({ app, product }) => {
  await app.keyboard.press("n");
  const width = app.locator('[name="model.dModel"]');
  await width.fill("wide");
  await expect(app.locator(".field", { has: width })).toContainText("Must be a number.");
  await width.fill("1");
  await expect(app.locator(".field", { has: width })).toContainText("Must be at least 2.");
  await app.getByRole("button", { name: "Start training" }).click();
  await expect(app.getByText("1 field must be changed before the run can start.")).toBeVisible();
  await expect(width).toBeFocused();
  expect(await product.cli("runs", "list")).toEqual([]);
});

test("all that must be changed is listed once the start was refused, and each leads to its field", async ({ app }) => {
  await app.keyboard.press("n");
  const width = app.locator('[name="model.dModel"]'), batch = app.locator('[name="training.batchSize"]'), list = app.locator(".new-run-foot .issue-list");
  await width.fill("1");
  await batch.fill("0");
  await expect(list).toHaveCount(0);
  await app.getByRole("button", { name: "Start training" }).click();
  await expect(app.getByText("2 fields must be changed before the run can start.")).toBeVisible();
  await expect(list.getByRole("listitem")).toHaveCount(2);
  await expect(width).toBeFocused();
  await list.getByRole("listitem").nth(1).getByRole("button").click();
  await expect(batch).toBeFocused();
  await batch.fill("4");
  await expect(list).toHaveCount(0);
});

test("rules across fields are told at the field to change", async ({ app }) => {
  await app.keyboard.press("n");
  const warmup = app.locator('[name="training.warmupSteps"]');
  await warmup.fill("5000");
  await expect(app.locator(".field", { has: warmup })).toContainText("The warm-up is longer than the run of 1500 steps; make it at most that.");
});

test("a file that is not there is named", async ({ app }) => {
  await app.keyboard.press("n");
  await app.getByText("Own files", { exact: true }).click();
  const paths = app.getByLabel("Files and folders");
  await paths.fill("/no/such/text.txt");
  await expect(app.locator(".field", { has: paths })).toContainText("/no/such/text.txt does not exist; choose another file or folder.");
  await expect(paths).toHaveAttribute("aria-invalid", "true");
  await app.keyboard.press("Control+Enter");
  await expect(app.locator(".field", { has: paths })).toContainText('There is no file or folder "/no/such/text.txt".');
  await expect(paths).toBeFocused();
});

test("what was typed survives a look elsewhere and a reload", async ({ app }) => {
  await app.keyboard.press("n");
  const width = app.locator('[name="model.dModel"]');
  await width.fill("96");
  await app.keyboard.press("Escape");
  await expect(width).not.toBeFocused();
  await expect(width).toHaveValue("96");
  await app.keyboard.press("Escape");
  await expect(width).toHaveCount(0);
  await app.getByRole("button", { name: "New run", exact: true }).click();
  await expect(app.locator('[name="model.dModel"]')).toHaveValue("96");
  await app.reload();
  await expect(app.locator('[name="model.dModel"]')).toHaveValue("96");
});

test("presets fill the form; dense and causal change what is asked", async ({ app }) => {
  await app.keyboard.press("n");
  await app.getByRole("button", { name: /^Dense twin/ }).click();
  await expect(app.locator('[name="model.sparse.experts"]')).toHaveCount(0);
  await app.getByRole("button", { name: /^Larger/ }).click();
  await expect(app.locator('[name="model.sparse.experts"]')).toHaveValue("32");
  await app.locator('[name="data.objective"]').selectOption("causal");
  await expect(app.locator('[name="model.architecture"]')).toHaveValue("decoder-only");
  await expect(app.locator('[name="data.corruptionRate"]')).toHaveCount(0);
});

test("JSON that can't be read is refused in place, and the form keeps the last good spec", async ({ app }) => {
  await app.keyboard.press("n");
  await app.getByText("JSON", { exact: true }).click();
  await expect(app.getByLabel("Spec as JSON")).toHaveCSS("font-family", /monospace/);
  await app.getByLabel("Spec as JSON").fill('{"model": {');
  await expect(app.getByText(/^This is not JSON/)).toBeVisible();
  await app.getByText("Form", { exact: true }).click();
  await expect(app.locator('[name="training.steps"]')).toHaveValue("1500");
});

test("text that is not JSON starts nothing, and a preset replaces what stands there", async ({ app, product }) => {
  await app.keyboard.press("n");
  await app.getByText("JSON", { exact: true }).click();
  const text = app.getByLabel("Spec as JSON");
  await text.fill('{"name": "mine", "training": {"steps": 7},,}');
  await app.getByRole("button", { name: "Start training" }).click();
  await expect(app.getByText("The text must be JSON before the run can start.")).toBeVisible();
  await expect(text).toBeFocused();
  expect(await product.cli("runs", "list")).toEqual([]);
  await app.getByRole("button", { name: /^Larger/ }).click();
  await expect(text).toHaveValue(/"experts": 32/);
  await expect(app.getByText("The text must be JSON before the run can start.")).toHaveCount(0);
});

test("a field that is not there is named by its path, and the others keep their defaults", async ({ app, product }) => {
  await app.keyboard.press("n");
  await app.getByText("JSON", { exact: true }).click();
  await app.getByLabel("Spec as JSON").fill('{"name": "mine", "model": {"dModle": 3}}');
  await expect(app.getByText("model.dModle: There is no such field.")).toBeVisible();
  await app.getByRole("button", { name: "Start training" }).click();
  await expect(app.getByText("1 field must be changed before the run can start.")).toBeVisible();
  expect(await product.cli("runs", "list")).toEqual([]);
  await app.getByText("Form", { exact: true }).click();
  await expect(app.getByText("model.dModle: There is no such field.")).toBeVisible();
  await expect(app.locator('[name="training.steps"]')).toHaveValue("2000");
});

test("values of the wrong kind stay on the form, and can be put right there", async ({ app }) => {
  await app.keyboard.press("n");
  await app.getByText("JSON", { exact: true }).click();
  await app.getByLabel("Spec as JSON").fill(JSON.stringify({
    model: { precision: "fp8", architecture: "decoder-only", encoderLayers: -1 }, data: { source: { kind: "files", paths: null }, tokenizer: 3, objective: "causal" }, training: { optimizer: { kind: "sgd" } },
  }));
  await app.getByText("Form", { exact: true }).click();
  await app.getByLabel("Files and folders").fill("/etc/hostname");
  await app.getByLabel("Tokenizer").selectOption("bytes");
  await app.getByLabel("Precision").selectOption("fp32");
  await app.getByLabel("Optimizer").selectOption("adamw");
  await app.getByLabel("Encoder layers").fill("0");
  await expect(app.locator('[aria-invalid="true"], .field-error')).toHaveCount(0);
});

test("a duplicate's changes survive a reload; a refused dialog keeps what was typed", async ({ app }) => {
  await startRun(app, { ...TINY, training: { ...TINY.training, steps: 10, warmupSteps: 5 } });
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  const menu = async (item: string) => {
    await app.getByRole("button", { name: "More for this run" }).click();
    await app.getByRole("menuitem", { name: item }).click();
  };
  await menu("Duplicate with changes…");
  await app.locator('[name="model.dModel"]').fill("72");
  await app.reload();
  await expect(app.locator('[name="model.dModel"]')).toHaveValue("72");
  await app.getByRole("button", { name: "Cancel" }).click();
  await menu("Duplicate with changes…");
  await expect(app.locator('[name="model.dModel"]')).toHaveValue("72");
  await app.getByRole("button", { name: /^The run as it was/ }).click();
  await expect(app.locator('[name="model.dModel"]')).toHaveValue("32");
  await app.getByRole("button", { name: "Cancel" }).click();

  await menu("Tags…");
  const tags = app.getByLabel("Tags, separated by commas"), dialog = app.getByRole("dialog");
  await tags.fill(`good, ${"x".repeat(71)}`);
  await expect(dialog).toContainText("Must have at most 60 characters.");
  await app.keyboard.press("Enter");
  await expect(tags).toHaveValue(`good, ${"x".repeat(71)}`);
  await tags.fill("good");
  await app.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);

  await menu("Train further…");
  const steps = dialog.getByRole("spinbutton");
  await steps.fill("100000000000000000000");
  await app.keyboard.press("Enter");
  await expect(dialog.getByRole("alert")).toContainText("steps: ");
  await expect(steps).toHaveValue("100000000000000000000");
});
