// A mesh chosen in the form: what it means is told before the start, each rank is shown while it trains, and a killed one is named.
import { readFileSync, readdirSync } from "node:fs";
import { field, layers, sum, tinyForm, train } from "./formRun.ts";
import { expect, status, test } from "./product.ts";

test("a run on data × expert × model is told, trained and shown rank by rank", async ({ app, product }) => {
  await tinyForm(app);
  const consequence = (title: string) => app.locator(".consequences div", { hasText: title });
  await expect(consequence("A rank sends in a step")).toHaveCount(0);
  await field(app, "mesh.expert").fill("3");
  await expect(app.getByText("can't be split evenly over 3 ranks")).toBeVisible();
  await field(app, "mesh.expert").fill("2");
  await field(app, "mesh.model").fill("2");
  await expect(consequence("Ranks")).toContainText("4");
  await expect(consequence("A rank sends in a step")).toContainText("dispatch");
  await train(app);
  for (const layer of await layers(product)) expect(sum(layer.load)).toBe(layer.tokens);
  await app.getByRole("tab", { name: "Mesh" }).click();
  const tiles = app.locator(".slice-grid", { hasText: "Weights of experts" }).locator(".slice-tile");
  await expect(tiles).toHaveCount(4);
  await expect(tiles.nth(2)).toContainText("experts 2–3");
  const ranks = app.getByRole("region", { name: "Time and traffic by rank" }).getByRole("row");
  await expect(ranks).toHaveCount(5);
  await expect(ranks.nth(4)).toContainText("0, 1, 1");
  await expect(ranks.nth(4)).not.toContainText("not recorded");
  await expect(app.locator("figure", { hasText: "Time in waiting" })).toBeVisible();
});

test("a run of one process says that nothing is split", async ({ app }) => {
  await tinyForm(app);
  await train(app);
  await app.getByRole("tab", { name: "Mesh" }).click();
  await expect(app.getByText("nothing is split").first()).toBeVisible();
});

test("a killed rank ends the run, and is named", async ({ app, product }) => {
  await tinyForm(app);
  await field(app, "training.steps").fill("100000");
  await field(app, "mesh.data").fill("2");
  await app.getByRole("button", { name: "Start training" }).click();
  await expect(status(app)).toContainText("running", { timeout: 60_000 });
  process.kill(rankProcess(product.home, 1), "SIGKILL");
  await expect(app.getByText("Rank 1 (data 1, expert 0, model 0) was killed").first()).toBeVisible({ timeout: 15_000 });
});

/** The process of a rank of the runs in this home. */
function rankProcess(home: string, rank: number): number {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"), options = words.find((word) => word.startsWith('{"path"'));
      if (options && options.includes(home) && (JSON.parse(options) as { rank: number }).rank === rank) return Number(pid);
    } catch { /* gone meanwhile */ }
  }
  throw new Error(`There is no process of rank ${rank}.`);
}
