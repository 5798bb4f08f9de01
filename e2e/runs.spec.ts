// Browsing: overlay, compare, rename, delete and undo, links, keys; with runs that were really trained.
import { expect, startRun, status, test, TINY } from "./product.ts";

const short = { ...TINY, training: { ...TINY.training, steps: 25, evaluateEvery: 10 } };
const row = (name: string) => ({ hasText: name });

test("two runs are laid over each other and compared by what differs", async ({ app }) => {
  await startRun(app, { ...short, name: "four experts" });
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  await startRun(app, { ...short, name: "two experts", model: { ...short.model, sparse: { experts: 2, every: 2 } } });
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  await app.locator(".run-row", row("four experts")).getByRole("button", { name: "four experts in the charts" }).click();
  await expect(app.locator("figure", { hasText: "Cross-entropy" }).first().locator(".legend")).toContainText("four experts");
  await app.getByRole("button", { name: "Compare", exact: true }).click();
  const experts = app.locator(".compare-table tr", { hasText: "model.sparse.experts" });
  await expect(experts).toContainText("2 experts");
  await expect(experts).toContainText("4 experts");
  await expect(app.locator(".compare-table")).not.toContainText("model.dModel");
  await app.getByLabel("Values").selectOption("tokens");
  await expect(app.locator(".compare-table tr", { hasText: "cross-entropy" }).first()).toContainText(/better|worse/);
  // The address holds the view.
  await app.reload();
  await expect(app.getByRole("heading", { name: "Compare 2 runs" })).toBeVisible();
});

test("rename, archive and delete can be undone", async ({ app, product }) => {
  await startRun(app, { ...short, name: "first name" });
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  await app.getByRole("button", { name: "first name", exact: true }).click();
  await app.getByRole("textbox", { name: "Name" }).fill("second name");
  await app.keyboard.press("Enter");
  await expect(app.locator(".run-header h1")).toHaveText("second name");
  await app.keyboard.press("Control+z");
  await expect(app.locator(".run-header h1")).toHaveText("first name");
  await app.keyboard.press("Control+Shift+z");
  await expect(app.locator(".run-header h1")).toHaveText("second name");

  const menu = async (item: string) => {
    await app.getByRole("button", { name: "More for this run" }).click();
    await app.getByRole("menuitem", { name: item }).click();
  };
  await menu("Archive");
  await expect(app.locator(".run-row")).toHaveCount(0);
  await app.getByRole("button", { name: "Undo" }).click();
  await expect(app.locator(".run-row")).toHaveCount(1);
  await menu("Delete");
  await expect(app.locator(".run-row")).toHaveCount(0);
  await expect(app.getByText(/Deleted “second name”/)).toBeVisible();
  await app.keyboard.press("Control+z");
  await expect(app.locator(".run-row")).toHaveCount(1);
  expect(await product.cli("runs", "list")).toMatchObject([{ name: "second name", step: 25 }]);
});

test("names of any script and markup are shown as they are", async ({ app }) => {
  const names = ["<img src=x onerror=alert(1)>", "مسار التجربة 🙂", "x".repeat(200)];
  for (const name of names) {
    await startRun(app, { ...short, name, training: { ...short.training, steps: 10, warmupSteps: 5 } });
    await expect(status(app)).toContainText("completed", { timeout: 90_000 });
    await expect(app.locator(".run-header h1")).toHaveText(name);
  }
  await expect(app.locator("img")).toHaveCount(0);
  expect(await app.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});

test("a link reopens the run, tab, step and axes; Back goes back", async ({ app }) => {
  await startRun(app, short);
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  await app.keyboard.press("2");
  await expect(app.getByRole("tab", { name: "Routing" })).toHaveAttribute("aria-selected", "true");
  await app.goto(`${app.url()}&step=10&axis=tokens&log=y`);
  await expect(app.getByRole("tab", { name: "Routing" })).toHaveAttribute("aria-selected", "true");
  await expect(app.locator(".scrubber output").first()).toHaveText("step 10");
  await app.keyboard.press("3");
  await app.goBack();
  await expect(app.getByRole("tab", { name: "Routing" })).toHaveAttribute("aria-selected", "true");
});

test("the palette finds runs and commands, ? lists the keys, the theme changes", async ({ app }) => {
  await startRun(app, { ...short, name: "findable" });
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  await app.keyboard.press("Control+k");
  await app.getByPlaceholder("Search runs and commands").fill("theme: dark");
  await app.keyboard.press("Enter");
  await expect(app.locator("html")).toHaveAttribute("data-theme", "dark");
  await app.getByRole("button", { name: "Switchyard" }).click();
  await app.keyboard.press("Control+k");
  await app.getByPlaceholder("Search runs and commands").fill("findable");
  await app.keyboard.press("Enter");
  await expect(app.locator(".run-header h1")).toHaveText("findable");
  await app.keyboard.press("?");
  await expect(app.getByRole("dialog")).toContainText("Search or run a command");
  await app.keyboard.press("Escape");
  await expect(app.getByRole("dialog")).toHaveCount(0);
});

test("a wrong token opens nothing, and the page says what to do", async ({ page, product }) => {
  await page.goto(product.url.replace(/token=.*/, "token=wrong-wrong-wrong-wrong"));
  await expect(page.getByRole("heading", { name: "This page may not open Switchyard" })).toBeVisible();
  await expect(page.getByText(/Open the address that/)).toBeVisible();
});
