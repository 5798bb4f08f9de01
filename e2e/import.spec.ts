// Another trainer's log in the window: its charts show, and what it does not record is said to be not recorded.
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, status, test } from "./product.ts";

const root = join(import.meta.dirname, "..");
const fixture = join(root, "backend/fixtures/logs/maxtext");

test("an imported log's charts show, and nothing is claimed that it does not say", async ({ app, product }) => {
  const [{ runId }] = await product.cli("import", fixture) as [{ runId: string }];
  await app.locator(".run-row", { hasText: "maxtext" }).locator(".run-choice").click();
  await expect(status(app)).toContainText("stopped");
  await expect(app.locator(".run-progress-text")).toContainText(/^step 19( ·|$)/);
  await expect(app.locator("figure", { hasText: "Cross-entropy" }).first()).toContainText("5.25");
  await expect(app.locator("figure", { hasText: "Perf/per_device_tokens_per_sec" })).toBeVisible();
  await expect(app.getByText("This run’s log, imported from another trainer, says nothing of single experts").first()).toBeVisible();
  await expect(app.getByRole("button", { name: "Resume" })).toHaveCount(0);
  await app.getByRole("tab", { name: "Spec" }).click();
  await expect(app.getByText("says nothing of its model, data and settings")).toBeVisible();
  await expect(app.locator(".tab-page")).toContainText(fixture);
  await expect(app.locator(".tab-page")).not.toContainText(/d_model|Experts/);
  await app.getByRole("tab", { name: "Files" }).click();
  await expect(app.getByText("its checkpoints are its trainer’s")).toBeVisible();
  await expect(product.cli("runs", "resume", runId)).resolves.toMatchObject({ error: { message: expect.stringContaining("only that trainer") } });
});

test("a log is imported from the window: what can't be is said and kept, and again reads on", async ({ app, product }) => {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-log-")), file = join(folder, "train.jsonl");
  writeFileSync(file, '{"step":1,"loss":5}\n{"step":2,"loss":4}\n');
  writeFileSync(join(folder, "empty.csv"), "step,loss\n");
  const bring = async (path: string) => {
    await app.keyboard.press("Control+k");
    await app.getByPlaceholder("Search runs and commands").fill("import a log");
    await app.keyboard.press("Enter");
    await app.getByLabel("Folder with TensorBoard event files").fill(path);
    await app.keyboard.press("Enter");
  };
  try {
    for (const [path, why] of [["logs", "is not a full path"], [join(folder, "nothing"), "There is no file or folder"], [join(folder, "empty.csv"), "No scalars were found"]] as const) {
      await bring(path);
      await expect(app.getByRole("dialog").getByRole("alert")).toContainText(why);
      await expect(app.getByLabel("Folder with TensorBoard event files")).toHaveValue(path);
      await app.keyboard.press("Escape");
    }
    await expect(app.locator(".run-row")).toHaveCount(0);
    await bring(file);
    await expect(app.locator(".title-button")).toHaveText("train.jsonl");
    await expect(app.locator(".run-progress-text")).toContainText("step 2");
    appendFileSync(file, '{"step":3,"loss":3}\n');
    await bring(file);
    await expect(app.locator(".run-progress-text")).toContainText("step 3");
    await expect(app.locator(".run-row")).toHaveCount(1);
    writeFileSync(join(folder, "other.csv"), "tick,train loss\n1,5\n2,4\n");
    await app.keyboard.press("Control+k");
    await app.getByPlaceholder("Search runs and commands").fill("import a log");
    await app.keyboard.press("Enter");
    await app.getByLabel("Folder with TensorBoard event files").fill(join(folder, "other.csv"));
    await app.getByLabel("Columns with names of their own").fill("loss");
    await app.keyboard.press("Enter");
    await expect(app.getByRole("dialog").getByRole("alert")).toContainText('"loss" must be METRIC=COLUMN');
    await expect(app.getByLabel("Columns with names of their own")).toHaveAttribute("aria-invalid", "true");
    await expect(app.getByLabel("Folder with TensorBoard event files")).toHaveAttribute("aria-invalid", "false");
    await app.getByLabel("Columns with names of their own").fill("step=tick, loss=train loss");
    await app.keyboard.press("Enter");
    await expect(app.locator(".title-button")).toHaveText("other.csv");
    await expect(app.locator(".run-progress-text")).toContainText("step 2");
    await expect(app.locator("figure", { hasText: "Cross-entropy" }).first()).toContainText("4");
    // The lock went with the process: the terminal can read on as well.
    await expect(product.cli("import", file)).resolves.toMatchObject([{ added: 0, rows: 3 }]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a log that grows is followed live, and its end is said when the import is interrupted", async ({ app, product }) => {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-log-"));
  cpSync(fixture, join(folder, "growing"), { recursive: true });
  const file = join(folder, "growing", readdirSync(join(folder, "growing"))[0]!), bytes = readFileSync(file);
  writeFileSync(file, bytes.subarray(0, 3001));
  const child = spawn(process.execPath, [join(root, "cli/main.ts"), "import", join(folder, "growing"), "--follow", "--home", product.home], { stdio: "ignore" });
  try {
    await app.locator(".run-row", { hasText: "growing" }).locator(".run-choice").click();
    await expect(status(app)).toContainText("running");
    await expect(app.locator(".run-progress-text")).not.toContainText("step 19");
    appendFileSync(file, bytes.subarray(3001));
    await expect(app.locator(".run-progress-text")).toContainText("step 19");
    child.kill("SIGINT");
    await expect(status(app)).toContainText("stopped");
    await expect(app.locator(".run-message")).toContainText("Imported up to step 19");
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});
