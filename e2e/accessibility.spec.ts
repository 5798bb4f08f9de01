// Every page as axe reads it, in both themes: names, roles, contrast, landmarks, headings. And the window by keyboard where it is narrow.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, startRun, status, test, TINY } from "./product.ts";

const AXE = readFileSync(join(import.meta.dirname, "../node_modules/axe-core/axe.min.js"), "utf8");
interface Violation { id: string; help: string; nodes: { html: string }[] }
declare const axe: { run(context: Document, options: unknown): Promise<{ violations: Violation[]; passes: unknown[] }> };

/** Everything that axe finds wrong, as lines to read. A menu floats outside of the landmarks by its nature. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { found, passed } = await page.evaluate(async () => {
    const { violations: found, passes } = await axe.run(document, { resultTypes: ["violations"], rules: { region: { enabled: document.querySelector("[role=menu]") === null } } });
    return { found, passed: passes.length };
  });
  expect(passed, "rules that axe could apply").toBeGreaterThan(10);
  return found.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`));
}

test("axe finds nothing wrong on any page, light or dark", async ({ app, product }) => {
  test.slow();
  await expect(app.getByRole("heading", { name: "Train a Switch Transformer" })).toBeVisible();
  expect(await violations(app), "start").toEqual([]);
  await startRun(app, { ...TINY, training: { ...TINY.training, steps: 20, routingEvery: 5 } });
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  const { origin, hash } = new URL(product.url), run = new URL(app.url()).searchParams.get("run")!;
  const tabs = ["overview", "routing", "capacity", "balance", "mesh", "generate", "spec", "log", "files"].map((tab) => `?run=${run}&tab=${tab}`);
  for (const colorScheme of ["light", "dark"] as const) {
    await app.emulateMedia({ colorScheme });
    for (const query of [...tabs, "?page=new", "?page=models", "?page=plan", "?page=hosts"]) {
      await app.goto("about:blank");
      await app.goto(`${origin}/${query}${hash}`);
      await expect(app.locator("main h1, main h2").first()).toBeVisible();
      await expect(app.locator(".figure-skeleton:visible")).toHaveCount(0);
      expect(await violations(app), `${query}, ${colorScheme}`).toEqual([]);
    }
  }
  await app.goto("about:blank");
  await app.goto(`${origin}/${tabs[0]}${hash}`);
  await app.getByRole("button", { name: "More for this run" }).click();
  expect(await violations(app), "menu").toEqual([]);
  await app.getByRole("menuitem", { name: "Rename…" }).click();
  expect(await violations(app), "dialog").toEqual([]);
  await app.keyboard.press("Escape");
  await app.keyboard.press("Control+k");
  await expect(app.getByRole("dialog")).toBeVisible();
  expect(await violations(app), "palette").toEqual([]);
});

test("in a narrow window the list of runs lies above the run, until one is chosen or Escape is pressed", async ({ app }) => {
  await startRun(app, { ...TINY, training: { ...TINY.training, steps: 20 } });
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  const list = app.getByRole("complementary", { name: "Runs" }), button = app.getByRole("button", { name: "Show the list of runs" });
  await app.setViewportSize({ width: 700, height: 900 });
  await expect(list).toHaveCount(0);
  await button.click();
  await expect(list).toBeVisible();
  expect((await app.getByRole("main").boundingBox())!.width).toBe(700);
  await app.keyboard.press("Escape");
  await expect(list).toHaveCount(0);
  await expect(button).toBeFocused();
  await app.keyboard.press("Control+b");
  await app.keyboard.press("n");
  await expect(list).toHaveCount(0);
  await expect(app.getByRole("heading", { name: "New run" })).toBeVisible();
  // Wide again, it stands beside the run as before.
  await app.setViewportSize({ width: 1280, height: 800 });
  await expect(list).toBeVisible();
});
