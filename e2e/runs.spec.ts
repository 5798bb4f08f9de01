// Browsing: overlay, compare, rename, delete and undo, links, keys; with runs that were really trained.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { writeRun } from "../backend/fixtures/writeRun.ts";
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
  await app.getByRole("radio", { name: "four experts as the baseline" }).check();
  await expect(app.locator(".compare-table")).not.toContainText("Name");
  // The address holds the view.
  await app.reload();
  await expect(app.getByRole("heading", { name: "Compare 2 runs" })).toBeVisible();
  await expect(app.getByLabel("Values")).toHaveValue("tokens");
  await expect(app.getByRole("radio", { name: "four experts as the baseline" })).toBeChecked();
});

test("the log says what of a run's events could not be read", async ({ app, product }) => {
  const id = writeRun(join(product.home, "runs"), { steps: 20, name: "scribbled over" });
  appendFileSync(join(product.home, "runs", id, "events.jsonl"), "garbage\n");
  await app.locator(".run-row", row("scribbled over")).getByRole("button", { name: /^completed scribbled over/ }).click();
  await app.getByRole("tab", { name: "Log" }).click();
  await expect(app.getByText("Not all of events.jsonl could be read: 1 line is no event. The rest is shown.")).toBeVisible();
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
  await expect(app.getByRole("button", { name: "Undo" })).toBeFocused();
  await app.keyboard.press("Control+z");
  await expect(app.locator(".run-row")).toHaveCount(1);
  await expect(app.locator(".notice")).toContainText("Undone: deleted “second name”.");
  await expect(app.locator(".run-header h1")).toHaveText("second name");
  await app.keyboard.press("Control+Shift+z");
  await expect(app.locator(".run-row")).toHaveCount(0);
  await expect(app.locator(".run-header")).toHaveCount(0);
  // Back to where it was: it does not look alive, and can be had back.
  await app.goBack();
  await expect(app.getByRole("heading", { name: "This run is deleted" })).toBeVisible();
  await app.getByRole("button", { name: "Restore" }).click();
  await expect(app.locator(".run-header h1")).toHaveText("second name");
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

test("a link reopens the layer, the measure, the capacity asked about and the figure in full", async ({ app }) => {
  await startRun(app, short);
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  await app.keyboard.press("2");
  await app.getByRole("radio", { name: "Kept" }).check();
  const layers = app.locator(".bar-field", { hasText: "Layer" }).locator("select");
  await layers.selectOption({ index: 1 });
  const layer = await layers.inputValue();
  await app.locator("figure", { hasText: "Router entropy by layer" }).getByRole("button", { name: "Fill the panel" }).click();
  await expect(app.locator("figure:visible")).toHaveCount(1);
  await app.reload();
  await expect(app.locator("figure:visible")).toHaveCount(1);
  await app.keyboard.press("Escape");
  await expect(app.getByRole("radio", { name: "Kept" })).toBeChecked();
  await expect(layers).toHaveValue(layer);
  await app.keyboard.press("3");
  await app.getByRole("slider", { name: "Capacity factor" }).press("End");
  const factor = await app.locator(".what-if output").innerText();
  await app.reload();
  await expect(app.locator(".what-if output")).toHaveText(factor);
});

test("j, k and the arrow keys walk the list as it is filtered", async ({ app }) => {
  for (const name of ["alpha one", "beta", "alpha two"]) {
    await startRun(app, { ...short, name, training: { ...short.training, steps: 10, warmupSteps: 5 } });
    await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  }
  const title = app.locator(".run-header h1");
  await app.keyboard.press("/");
  await app.keyboard.type("alpha");
  await expect(app.locator(".run-row")).toHaveCount(2);
  await app.keyboard.press("Tab");
  await expect(app.locator(".run-row", row("alpha two")).locator(".run-choice")).toBeFocused();
  await app.keyboard.press("j");
  await expect(title).toHaveText("alpha one");
  await app.keyboard.press("j");
  await expect(title).toHaveText("alpha one");
  await app.keyboard.press("k");
  await expect(title).toHaveText("alpha two");
  await app.keyboard.press("ArrowDown");
  await expect(app.locator(".run-row", row("alpha one")).locator(".run-choice")).toBeFocused();
  await app.keyboard.press("ArrowLeft");
  await app.keyboard.press("Enter");
  await expect(app.locator(".overlaid")).toContainText("alpha one");
  // The whole list is one stop.
  await app.keyboard.press("ArrowRight");
  await app.keyboard.press("Tab");
  await expect(app.locator(".sidebar").getByRole("button", { name: /^Hosts/ })).toBeFocused();
  await app.keyboard.press("Tab");
  await expect(app.locator(".sidebar").getByRole("button", { name: "Imported models" })).toBeFocused();
  await app.keyboard.press("Tab");
  await expect(app.locator(".sidebar").getByRole("button", { name: "Plan for other devices" })).toBeFocused();
  await app.keyboard.press("Tab");
  await expect(app.getByRole("separator", { name: "Width of the list of runs" })).toBeFocused();
});

test("a key that is pressed as soon as the page is there is not lost", async ({ app, product }) => {
  // Before anything is drawn.
  await app.addInitScript(() => addEventListener("DOMContentLoaded", () => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "h", bubbles: true }))));
  await app.goto("about:blank");
  await app.goto(product.url);
  await expect(app.getByRole("heading", { name: "Hosts" })).toBeVisible();
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
