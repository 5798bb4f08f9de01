// A host over a real sshd on loopback, under a home of its own, with JAX on 8 simulated devices: from adding it to going on with its checkpoint on this machine.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensurePythonEnvironment } from "../scripts/bootstrap/pythonEnvironment.mjs";
import { writeRun } from "../backend/fixtures/writeRun.ts";
import { overSsh } from "./overSsh.ts";
import { expect, reachStep, status, TINY } from "./product.ts";

const DEVICES = 8;

const test = overSsh({ environment: { XLA_FLAGS: `--xla_force_host_platform_device_count=${DEVICES}`, JAX_PLATFORMS: "cpu" } });

test("a run is trained on a host, cut off, found again without a gap, stopped, and continued here", async ({ app, product, server }) => {
  test.setTimeout(420_000);
  const interpreter = await ensurePythonEnvironment();
  await app.getByRole("button", { name: /^Hosts/ }).click();
  await app.getByRole("button", { name: "Add a host…" }).click();
  await app.getByLabel("Address", { exact: true }).fill(server.alias);
  await app.getByLabel("Name", { exact: true }).fill("pod");
  await app.getByLabel(/^Python/).fill(interpreter);
  await app.getByRole("button", { name: "Add and check" }).click();
  await expect(app.locator(".host-link")).toContainText("connected since", { timeout: 60_000 });
  await expect(app.getByRole("region", { name: "What the host has" })).toContainText("8 ×");

  // Launched from the form.
  await app.getByRole("button", { name: "New run there" }).click();
  await expect(app.getByLabel("Where")).toHaveValue("pod");
  await app.getByText("JSON", { exact: true }).click();
  await app.getByLabel("Spec as JSON").fill(JSON.stringify({ ...TINY, name: "on the pod", mesh: { data: 2, expert: 4 }, model: { ...TINY.model, sparse: { experts: 8, every: 2 } }, training: { ...TINY.training, batchSize: 8, steps: 100_000, checkpoint: { everySteps: 200 } } }));
  await expect(app.getByText("are sent to pod and the trainer is started there")).toBeVisible();
  await app.getByLabel("Data there").fill("gs://My bucket/data");
  await app.getByRole("button", { name: "Start training" }).click();
  await expect(app.getByText(`"My bucket" can't be the name of a bucket`)).toBeVisible();
  await expect(app.getByText("Where the data lie must be changed before the run can start.")).toBeVisible();
  await app.getByLabel("Data there").fill("");
  await app.getByRole("button", { name: "Start training" }).click();
  await expect(app.locator(".run-place")).toHaveText("on pod");
  await expect(status(app)).toContainText("running", { timeout: 120_000 });
  await reachStep(app, 20);

  // The panels are those of any run.
  await app.getByRole("tab", { name: "Routing" }).click();
  await expect(app.locator("canvas").first()).toBeVisible();
  await app.getByRole("tab", { name: "Capacity" }).click();
  await expect(app.locator("figure").first()).toBeVisible();
  await app.getByRole("tab", { name: "Overview" }).click();
  await expect(app.locator("figure", { hasText: "Cross-entropy" }).first()).toBeVisible();

  // The plug is pulled.
  await server.stop();
  await expect(status(app)).toContainText("unreachable");
  await expect(app.locator(".run-message")).toContainText(/Unreachable since .* The run itself is left alone/);
  const [{ id }] = await product.cli("runs", "list") as [{ id: string }];
  const there = join(server.home, ".local/share/switchyard/runs", id, "events.jsonl"), here = join(product.home, "runs", id, "events.jsonl");
  const seen = readFileSync(here).length;
  await expect.poll(() => readFileSync(there).length, { timeout: 30_000 }).toBeGreaterThan(seen + 20_000);
  await server.listen();
  await app.getByRole("button", { name: "Try now" }).click();
  await expect(status(app)).toContainText("running");

  // Stopped, with a checkpoint, and not a byte is missing.
  await app.getByRole("button", { name: "Stop and save" }).click();
  await expect(status(app)).toContainText("stopped", { timeout: 60_000 });
  expect(readFileSync(here).equals(readFileSync(there))).toBe(true);
  const rows = await product.cli("runs", "metrics", id, "--name", "loss") as { step: number }[];
  expect(rows.map(({ step }) => step)).toEqual(rows.map((_, i) => i + 1));

  // Its checkpoint is fetched and trained on by the engine of this machine.
  await app.getByRole("tab", { name: "Files" }).click();
  const newest = app.locator(".file-table tbody tr").first();
  const step = Number((await newest.getByRole("rowheader").innerText()).replaceAll(",", ""));
  expect(step).toBe(rows.at(-1)!.step);
  await newest.getByRole("button", { name: "Download" }).click();
  await expect(newest).toContainText(`checkpoints/step-${step}`);
  await newest.getByRole("button", { name: "Go on from here…" }).click();
  await app.getByLabel("Train to step").fill(String(step + 15));
  await app.getByRole("button", { name: "Go on", exact: true }).click();
  await expect(app.locator(".run-header h1")).toHaveText("on the pod, continued");
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  const [continued] = await product.cli("runs", "list") as { id: string; step: number; host: string | null }[];
  expect(continued).toMatchObject({ step: step + 15, host: null });
  const after = await product.cli("runs", "metrics", continued!.id, "--name", "loss") as { step: number; value: number }[];
  expect(after[0]!.step).toBe(step + 1);
});

test("runs that go on a host are attached to, detached from and deleted here without being touched", async ({ app, product, server }) => {
  const runs = join(server.home, ".local/share/switchyard/runs");
  mkdirSync(runs, { recursive: true });
  const id = writeRun(runs, { steps: 40, exit: null, name: "theirs" }), before = readFileSync(join(runs, id, "events.jsonl"));
  expect(await product.cli("attach", server.alias)).toMatchObject({ runs: [{ name: "theirs", state: "alive", runId: null }] });
  await app.getByRole("button", { name: /^Hosts/ }).click();
  await app.getByRole("navigation", { name: "Hosts and clusters" }).getByRole("button", { name: /^box/ }).click();
  await app.getByRole("button", { name: "Find runs" }).click();
  await expect(app.getByRole("region", { name: "Runs on box" }).getByRole("row")).toHaveCount(2);
  await app.getByRole("button", { name: "Attach to theirs" }).click();
  await expect(app.locator(".run-header h1")).toHaveText("theirs");
  await expect(status(app)).toContainText("running");
  await expect(app.locator(".run-progress-text")).toContainText("step 40");
  await app.getByRole("button", { name: "More for this run" }).click();
  await app.getByRole("menuitem", { name: "Stop watching it" }).click();
  await expect(app.locator(".notice")).toContainText("is left alone on box");
  await expect(app.locator(".run-message")).toContainText("Detached: the run on box was left alone");
  await product.cli("attach", server.alias, join(runs, id));
  await expect(status(app)).toContainText("running");
  await app.getByRole("button", { name: "More for this run" }).click();
  await app.getByRole("menuitem", { name: "Delete" }).click();
  await expect(app.locator(".notice")).toContainText("On box nothing is changed");
  expect(readFileSync(join(runs, id, "events.jsonl")).equals(before)).toBe(true);
  // Its process is this test: it is still going, as far as anybody there can see.
  writeFileSync(join(runs, id, "exit.json"), "{}");
});

test("a log that lies on a host is imported by the columns that a person names; a slip is told at their field", async ({ app, server }) => {
  const folder = join(server.home, "logs");
  mkdirSync(folder);
  writeFileSync(join(folder, "trainer.csv"), "tick,train loss\n1,5\n2,4\n");
  await app.getByRole("button", { name: /^Hosts/ }).click();
  await app.getByRole("navigation", { name: "Hosts and clusters" }).getByRole("button", { name: /^box/ }).click();
  const found = app.getByRole("region", { name: "Runs on box" }), columns = app.getByLabel("Columns with names of their own");
  await app.getByLabel("Folder on the host").fill(folder);
  await app.getByRole("button", { name: "Find runs" }).click();
  await expect(found.getByRole("rowheader")).toHaveText("trainer.csv");
  await columns.fill("loss");
  await app.getByRole("button", { name: /^Import / }).click();
  await expect(found.getByRole("alert")).toContainText('"loss" must be METRIC=COLUMN');
  await expect(columns).toHaveAttribute("aria-invalid", "true");
  await columns.fill("step=tick, loss=train loss");
  await app.getByRole("button", { name: /^Import / }).click();
  await expect(app.locator(".run-progress-text")).toContainText("step 2");
  await expect(app.locator("figure", { hasText: "Cross-entropy" }).first()).toContainText("4");
});
