// A tiny run filled in by the form, and a look at what came of it.
import type { Page } from "@playwright/test";
import { expect, status, TINY, type Product } from "./product.ts";

export const field = (app: Page, name: string) => app.locator(`[name="${name}"]`);

/** The form with the sizes of a tiny model. */
export async function tinyForm(app: Page): Promise<void> {
  await app.keyboard.press("n");
  await app.getByText("JSON", { exact: true }).click();
  await app.getByLabel("Spec as JSON").fill(JSON.stringify({ ...TINY, training: { ...TINY.training, steps: 10, warmupSteps: 2, evaluateEvery: 5, routingEvery: 5 } }));
  await app.getByText("Form", { exact: true }).click();
}

export async function train(app: Page): Promise<void> {
  await app.getByRole("button", { name: "Start training" }).click();
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
}

/** Every panel shows figures, and none says that something went wrong. */
export async function lookAtPanels(app: Page): Promise<void> {
  for (const tab of ["Overview", "Routing", "Capacity", "Balance"]) {
    await app.getByRole("tab", { name: tab }).click();
    await expect.poll(() => app.locator(".tab-panel:not([hidden]) figure").count(), { message: tab }).toBeGreaterThanOrEqual(4);
    await expect(app.locator(".tab-panel:not([hidden]) .figure-state[data-kind=error]")).toHaveCount(0);
    await expect(app.locator(".tab-panel:not([hidden]) .figure-state[data-kind=loading]")).toHaveCount(0);
  }
}

export interface Layer { stack: string; load: number[]; kept: number[]; tokens: number; dropped: number; dropAtCapacityFactor: unknown[] }
export const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);

/** The newest recorded routing of the newest run, by the command line. */
export async function layers(product: Product): Promise<Layer[]> {
  const [newest] = await product.cli("runs", "list") as { id: string }[];
  const found = await product.cli("runs", "routing", newest!.id) as Layer[];
  expect(found.length).toBeGreaterThan(0);
  return found;
}
