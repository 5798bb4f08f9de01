// Whole runs of a tiny model through the real engine: what is recorded, stopped, resumed and kept.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { consequences } from "../contract/consequences.ts";
import { ControlFile, Manifest } from "../contract/runDirectory.ts";
import { engineIsBuilt, eventsOf, exitOf, measured, newRun, ofKind, reached, start, tinySpec, until } from "./fixtures/tinyRun.ts";
import { damageOf, listCheckpoints } from "./run/checkpoints.ts";

/** Seconds a test with several attempts may take on a busy machine. */
const LONG = 180_000;
const ask = (run: string, verb: "stop" | "checkpoint") => {
  mkdirSync(join(run, "control"), { recursive: true });
  writeFileSync(join(run, "control", `${verb}.json`), JSON.stringify(ControlFile.parse({ v: 1, verb, t: Date.now() / 1000 })));
};
const steps = (run: string) => listCheckpoints(run).map(({ manifest }) => manifest.step);

describe.skipIf(!engineIsBuilt)("a tiny model (needs the built engine)", () => {
  /** The run that was never interrupted. */
  let whole: string;
  beforeAll(async () => {
    whole = newRun(tinySpec());
    const { code, output } = await start(whole).ended;
    expect(output).toContain("Completed 24 steps.");
    expect(code).toBe(0);
  }, LONG);

  test("a run goes from nothing to its last step, and its loss falls", () => {
    const events = eventsOf(whole), losses = ofKind(events, "metrics").map(({ values }) => values["loss"] as number);
    expect(exitOf(whole)).toMatchObject({ attempt: 1, reason: "completed", code: 0, step: 24, by: "trainer" });
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i));
    expect(ofKind(events, "metrics").map(({ step }) => step)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    expect(losses.slice(-4).reduce((a, b) => a + b) / 4).toBeLessThan(losses[0]! - 0.2);
    expect(ofKind(events, "evaluation").map(({ step }) => step)).toEqual([6, 12, 18, 24]);
    expect(ofKind(events, "progress").map(({ phase }) => phase)).toEqual(expect.arrayContaining(["building-model", "reading-data", "first-step"]));
    // The last two, and the best of those that were evaluated.
    expect(steps(whole)).toEqual([24, 20]);
    expect(ofKind(events, "checkpoint").filter(({ action }) => action === "written").map(({ step, reason }) => [step, reason])).toEqual([[5, "schedule"], [10, "schedule"], [15, "schedule"], [20, "schedule"], [24, "final"]]);
    expect(readdirSync(whole).sort()).toEqual(["checkpoints", "control", "events.jsonl", "exit.json", "heartbeat.json", "process.json", "spec.json"]);
  });

  test("load sums to the tokens routed, kept never exceeds load or capacity, and what-if agrees with what was", () => {
    const routing = ofKind(eventsOf(whole), "routing");
    expect(routing.map(({ step, stack, layer }) => `${step} ${stack} ${layer}`)).toEqual([1, 3, 6, 9, 12, 15, 18, 21, 24].flatMap((step) => [`${step} encoder 1`, `${step} decoder 1`]));
    const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
    for (const layer of routing) {
      expect(sum(layer.load)).toBe(layer.tokens);
      expect(layer.tokens).toBeLessThanOrEqual(4 * (layer.stack === "encoder" ? 32 : 16));
      expect(layer.tokens).toBeGreaterThan(0);
      layer.kept.forEach((kept, e) => {
        expect(kept).toBeLessThanOrEqual(Math.min(layer.load[e]!, layer.capacity * layer.groups));
        expect(kept).toBe(Math.min(layer.load[e]!, layer.capacity)); // one group: the whole batch
      });
      expect(sum(layer.probability)).toBeCloseTo(layer.tokens, 2);
      expect(layer.dropped).toBeCloseTo(1 - sum(layer.kept) / layer.tokens, 6);
      expect(layer.dropAtCapacityFactor.find(([factor]) => factor === 1.25)![1]).toBeCloseTo(layer.dropped as number, 6);
      const dropped = layer.dropAtCapacityFactor.map(([, fraction]) => fraction);
      expect(dropped).toEqual([...dropped].sort((a, b) => b - a));
      expect(layer.entropy).toBeGreaterThan(0);
      expect(layer.entropy).toBeLessThanOrEqual(Math.log(4) + 1e-5);
      expect(layer.confidence).toBeGreaterThanOrEqual(0.25);
    }
    expect(routing[0]!.capacity).toBe(consequences(tinySpec()).capacity[0]!.training);
  });

  test("stopped and resumed, twice, a run measures bit for bit what it would have without", async () => {
    const run = newRun(tinySpec());
    const first = start(run);
    await until(run, reached(7));
    ask(run, "stop");
    expect(await first.ended).toMatchObject({ code: 0 });
    const { step } = exitOf(run);
    expect(exitOf(run)).toMatchObject({ attempt: 1, reason: "stopped", message: `Stopped at step ${step} of 24.` });
    expect([steps(run)[0], existsSync(join(run, "control/stop.json"))]).toEqual([step, false]);
    const second = start(run);
    await until(run, (events) => events.some((event) => event.attempt === 2 && event.kind === "metrics" && event.step >= Math.min(23, step + 6)));
    second.child.kill("SIGTERM");
    expect(await second.ended).toMatchObject({ code: 0 });
    expect(ofKind(eventsOf(run), "attempt").map(({ fromStep }) => fromStep)).toEqual([0, step]);
    expect(await start(run).ended).toMatchObject({ code: 0 });
    expect(exitOf(run)).toMatchObject({ attempt: 3, reason: "completed", step: 24 });
    expect(measured(run)).toEqual(measured(whole));
  }, LONG);

  test("killed again and again, a run loses no step that it logged", async () => {
    const run = newRun(tinySpec());
    for (let kills = 1; kills <= 4; kills++) {
      const before = readFileSync(join(run, kills === 1 ? "spec.json" : "events.jsonl"));
      const attempt = start(run), target = 5 * kills + 1;
      await until(run, (events) => events.some((event) => event.attempt === kills && event.kind === "metrics" && event.step >= target));
      attempt.child.kill("SIGKILL");
      expect(await attempt.ended).toMatchObject({ signal: "SIGKILL" });
      const events = eventsOf(run), logged = Math.max(...ofKind(events, "metrics").map(({ step }) => step));
      expect(logged).toBeGreaterThanOrEqual(target);
      // What was written stays as it was written.
      if (kills > 1) expect(readFileSync(join(run, "events.jsonl")).subarray(0, before.length).equals(before)).toBe(true);
      for (const checkpoint of listCheckpoints(run)) expect(await damageOf(checkpoint)).toBeNull();
    }
    expect(await start(run).ended).toMatchObject({ code: 0 });
    const events = eventsOf(run);
    // Each attempt goes on from a checkpoint, and repeats the steps after it with the same values.
    for (const { attempt, fromStep } of ofKind(events, "attempt").slice(1)) {
      expect(fromStep).toBeGreaterThanOrEqual(5);
      for (const event of ofKind(events, "metrics").filter((one) => one.attempt === attempt))
        for (const earlier of ofKind(events, "metrics").filter((one) => one.step === event.step)) expect(earlier.values["loss"]).toBe(event.values["loss"]);
    }
    expect(readdirSync(join(run, "checkpoints")).filter((name) => name.startsWith("."))).toEqual([]);
    expect(measured(run)).toEqual(measured(whole));
  }, LONG);

  test("a damaged newest checkpoint is set aside with an alert, and the run goes on from the one before", async () => {
    const run = newRun(tinySpec());
    const attempt = start(run);
    await until(run, reached(12));
    attempt.child.kill("SIGKILL");
    await attempt.ended;
    const [newest, before] = listCheckpoints(run) as [ReturnType<typeof listCheckpoints>[0], ReturnType<typeof listCheckpoints>[0]];
    const file = join(newest.folder, newest.manifest.files[0]!.name), bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    expect(await start(run).ended).toMatchObject({ code: 0 });
    expect(ofKind(eventsOf(run), "attempt").at(-1)).toMatchObject({ attempt: 2, fromStep: before.manifest.step });
    expect(ofKind(eventsOf(run), "alert").filter(({ code }) => code === "failure")).toMatchObject([{
      level: "warning", message: `The checkpoint of step ${newest.manifest.step} is damaged (${newest.manifest.files[0]!.name} does not match its checksum) and was set aside as checkpoints/damaged-step-${newest.manifest.step}; going on from step ${before.manifest.step}.`,
    }]);
    expect(steps(run)).toEqual([24, 20]);
    expect(measured(run)).toEqual(measured(whole));
  }, LONG);

  test("with every checkpoint damaged nothing is trained, and the sentence says what to do", async () => {
    const run = newRun(tinySpec());
    await start(run, "--steps", "6").ended;
    for (const { folder, manifest } of listCheckpoints(run)) writeFileSync(join(folder, manifest.files[0]!.name), "");
    expect(await start(run, "--steps", "12").ended).toMatchObject({ code: 5 });
    expect(exitOf(run)).toMatchObject({ reason: "checkpoint-error", message: expect.stringMatching(/^None of the 2 checkpoints can be used: that of step 6 is damaged \(.* has another size than recorded\)\. Duplicate the run/) });
    expect(steps(run)).toEqual([6, 5]);
    rmSync(listCheckpoints(run)[1]!.folder, { recursive: true });
    expect(await start(run, "--steps", "12").ended).toMatchObject({ code: 5 });
    expect(exitOf(run)).toMatchObject({ message: expect.stringMatching(/^The only checkpoint can't be used: that of step 6 is damaged/) });
  }, LONG);

  test("a checkpoint is written at once when asked for, and the request goes", async () => {
    const run = newRun(tinySpec({ training: { steps: 4000, checkpoint: { everySteps: 100_000, everyMinutes: 1000 } } }));
    const attempt = start(run);
    await until(run, reached(2));
    ask(run, "checkpoint");
    await until(run, (events) => events.some((event) => event.kind === "checkpoint"));
    const written = ofKind(eventsOf(run), "checkpoint")[0]!;
    expect(written).toMatchObject({ action: "written", reason: "request", evaluationLoss: written.step % 6 === 0 ? expect.any(Number) : null });
    const manifest = Manifest.parse(JSON.parse(readFileSync(join(run, `checkpoints/step-${written.step}/manifest.json`), "utf8")));
    expect(manifest.files.map(({ name }) => name).sort()).toEqual(["alerts.json", "model.safetensors", "optimizer.safetensors"]);
    await until(run, () => !existsSync(join(run, "control/checkpoint.json")));
    ask(run, "stop");
    expect(await attempt.ended).toMatchObject({ code: 0 });
    expect(exitOf(run).reason).toBe("stopped");
  }, LONG);

  test("a second trainer on the same run ends at once and leaves the first alone", async () => {
    const run = newRun(tinySpec({ training: { steps: 4000 } }));
    const first = start(run);
    await until(run, reached(2));
    expect(await start(run).ended).toEqual({ code: 1, signal: null, output: "Another trainer already works in this run directory; stop it first.\n" });
    await until(run, reached(4));
    ask(run, "stop");
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(exitOf(run)).toMatchObject({ attempt: 1, reason: "stopped" });
  }, LONG);

  test("parameters that are not numbers stop the run before they spread, with an alert; the checkpoint stays as it was", async () => {
    const run = newRun(tinySpec());
    await start(run, "--steps", "6").ended;
    const newest = listCheckpoints(run)[0]!, file = join(newest.folder, "model.safetensors"), bytes = readFileSync(file);
    // The second half of the file's numbers becomes NaN; the manifest is made to agree, so only the engine can notice.
    const header = 8 + Number(bytes.readBigUInt64LE(0));
    for (let at = header + ((bytes.length - header) >> 3 << 2); at + 4 <= bytes.length; at += 4) bytes.writeFloatLE(NaN, at);
    writeFileSync(file, bytes);
    const files = newest.manifest.files.map((one) => (one.name === "model.safetensors" ? { ...one, sha256: createHash("sha256").update(bytes).digest("hex") } : one));
    writeFileSync(join(newest.folder, "manifest.json"), JSON.stringify({ ...newest.manifest, files }));
    expect(await start(run, "--steps", "12").ended).toMatchObject({ code: 7 });
    const message = expect.stringMatching(/^The (loss|gradient) became NaN at step 7; parameters were left as they were\. Lower the learning rate and start again\.$/) as string;
    expect(exitOf(run)).toMatchObject({ attempt: 2, reason: "non-finite", step: 6, message });
    expect(ofKind(eventsOf(run), "alert").at(-1)).toMatchObject({ attempt: 2, step: 7, level: "error", code: "non-finite", message });
    expect(ofKind(eventsOf(run), "metrics").filter(({ attempt }) => attempt === 2)).toEqual([]);
    expect(steps(run)).toEqual([6, 5]);
    expect(readFileSync(file).equals(bytes)).toBe(true);
  }, LONG);

  test("--steps trains further than the spec, and the attempts after it keep to that", async () => {
    const run = newRun(tinySpec({ training: { steps: 6, checkpoint: { everySteps: 100 } } }));
    await start(run).ended;
    const attempt = start(run, "--steps", "60");
    await until(run, reached(8));
    attempt.child.kill("SIGTERM");
    await attempt.ended;
    await start(run).ended;
    expect(exitOf(run)).toMatchObject({ attempt: 3, reason: "completed", step: 60, message: "Completed 60 steps." });
  }, LONG);

  test("a stopped process that goes on later has stalled, and says so", async () => {
    const run = newRun(tinySpec({ training: { steps: 100_000, evaluateEvery: 100_000, checkpoint: { everySteps: 100_000, everyMinutes: 1000 } } }));
    const attempt = start(run);
    await until(run, reached(40));
    const stalls = () => ofKind(eventsOf(run), "alert").filter(({ code }) => code === "stall");
    // A stop that falls between two steps delays none.
    for (let stops = 0; stops < 10 && stalls().length === 0; stops++) {
      const { step } = ofKind(eventsOf(run), "metrics").at(-1)!;
      attempt.child.kill("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, 6000));
      attempt.child.kill("SIGCONT");
      await until(run, reached(step + 5));
    }
    expect(stalls()[0]).toMatchObject({ level: "warning", message: expect.stringMatching(/^Step \d+ took \d\.\d s, \d+ times the .* of most steps; see what else uses this machine\.$/) });
    ask(run, "stop");
    expect(await attempt.ended).toMatchObject({ code: 0 });
  }, LONG);
});
