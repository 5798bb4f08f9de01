// The program that generates, as a process on a run of the real trainer.
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { GenerationSettings, GeneratorReply, type GenerationAnswer, type GenerationSource } from "../../contract/generation.ts";
import { engineIsBuilt, newRun, start, tinySpec } from "../fixtures/tinyRun.ts";
import { listCheckpoints } from "../run/checkpoints.ts";

const PROGRAM = fileURLToPath(new URL("./main.ts", import.meta.url));
const LONG = 180_000;
const RUN_ID = "0199aaaa-0000-7000-8000-00000000000a";

/** A process with what it has said; ends with the test that made it. */
function program(...options: string[]) {
  const child = spawn(process.execPath, [PROGRAM, "--threads", "1", ...options], { stdio: ["pipe", "pipe", "inherit"] });
  const replies: GeneratorReply[] = [];
  let heard: (() => void) | null = null;
  createInterface({ input: child.stdout }).on("line", (line) => {
    replies.push(GeneratorReply.parse(JSON.parse(line)));
    heard?.();
  });
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise<void>((resolve) => { heard = resolve; });
  };
  const of = (id: number) => replies.filter((reply) => reply.id === id);
  return {
    child, of,
    ask(id: number, directory: string, settings: Partial<GenerationSettings> = {}, checkpoint: Extract<GenerationSource, { kind: "run" }>["checkpoint"] = "newest", texts = ["On page <extra_id_0> that"]) {
      child.stdin.write(`${JSON.stringify({ type: "generate", id, directory, source: { kind: "run", runId: RUN_ID, checkpoint }, texts, settings: GenerationSettings.parse({ maxTokens: 12, ...settings }) })}\n`);
    },
    cancel: (id: number) => child.stdin.write(`${JSON.stringify({ type: "cancel", id })}\n`),
    async end(id: number): Promise<GenerationAnswer | string> {
      let end: GenerationAnswer | string | undefined;
      await until(() => {
        const last = of(id).at(-1);
        if (last?.type === "failed") end = last.message;
        else if (last?.push.phase === "text" && last.push.answer.done) end = last.push.answer;
        return end !== undefined;
      });
      return end!;
    },
    until,
  };
}

describe.skipIf(!engineIsBuilt)("with a trained run (needs the built engine)", () => {
  let run: string, causal: string;
  beforeAll(async () => {
    run = newRun(tinySpec({ model: { decoderLayers: 4 } }));
    causal = newRun(tinySpec({ model: { architecture: "decoder-only" }, data: { objective: "causal" }, training: { steps: 6 } }));
    const ends = await Promise.all([run, causal].map((path) => start(path).ended));
    for (const { code, output } of ends) expect(code, output).toBe(0);
  }, LONG);

  test("requests are answered in order on a model that is read once; each token says where it was sent", async () => {
    const { child, ask, end, of } = program();
    ask(1, run);
    ask(2, run, { method: "beam", beams: 3 });
    ask(3, run, { method: "sampling", seed: 7, temperature: 1.5 }, "newest", ["a <extra_id_0>", "b <extra_id_0> c"]);
    ask(4, run, { method: "sampling", seed: 7, temperature: 1.5 }, "newest", ["b <extra_id_0> c"]);
    const answer = await end(1) as GenerationAnswer;
    expect(answer).toMatchObject({ done: true, step: 24, layers: [{ stack: "encoder", layer: 1, experts: 4 }, { stack: "decoder", layer: 1, experts: 4 }, { stack: "decoder", layer: 3, experts: 4 }] });
    const [text] = answer.texts;
    expect(text!.input.map(({ text, name }) => name ?? text).join("")).toBe("On page <extra_id_0> that</s>");
    expect(text!.filledIn).not.toBeNull();
    expect(text!.output.length).toBeLessThanOrEqual(12);
    for (const token of text!.input) expect(token).toMatchObject({ logProbability: null, experts: [[expect.any(Number)]] });
    for (const token of text!.output.slice(0, -1)) expect(token.experts.map(([expert]) => expert! >= 0 && expert! < 4)).toEqual([true, true]);
    expect(text!.output.at(-1)!.experts).toEqual([]);
    for (const { logProbability } of text!.output) expect(logProbability).toBeLessThanOrEqual(0);
    const beam = await end(2) as GenerationAnswer;
    expect(beam.texts[0]!.score).toBeCloseTo(beam.texts[0]!.output.reduce((sum, token) => sum + token.logProbability!, 0) / beam.texts[0]!.output.length, 5);
    const [both, one] = [await end(3) as GenerationAnswer, await end(4) as GenerationAnswer];
    expect(both.texts[1]!.text).toBe(one.texts[0]!.text);
    const loaded = [1, 2, 3, 4].flatMap((id) => of(id)).filter((reply) => reply.type === "push" && reply.push.phase === "loading");
    expect(loaded).toHaveLength(1);
    // Its input ends, and so does it.
    child.stdin.end();
    expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(0);
  }, LONG);

  test("a decoder-only model goes on from its prompt, or from nothing", async () => {
    const { child, ask, end } = program();
    ask(1, causal, {}, "newest", ["On page ", ""]);
    const { texts, layers } = await end(1) as GenerationAnswer;
    expect(layers.map(({ stack }) => stack)).toEqual(["decoder"]);
    expect(texts[0]!.input.map(({ text }) => text).join("")).toBe("On page ");
    expect(texts[1]!.input).toHaveLength(1);
    expect(texts[0]).toMatchObject({ filledIn: null });
    expect(texts[0]!.input.every(({ experts }) => experts.length === 1)).toBe(true);
    child.kill();
  }, LONG);

  test("a chosen step, the best, a missing one, damage, and what can't be encoded: an answer or one sentence each", async () => {
    const { child, ask, end } = program();
    const steps = listCheckpoints(run).map(({ manifest }) => manifest.step);
    ask(1, run, {}, steps.at(-1)!);
    expect(await end(1)).toMatchObject({ step: steps.at(-1)! });
    ask(2, run, {}, "best");
    expect(await end(2)).toMatchObject({ done: true });
    ask(3, run, {}, 3);
    expect(await end(3)).toMatch(/^The run has no checkpoint of step 3; there are some of step 24, 20/);
    ask(4, run, {}, "newest", ["<extra_id_500>"]);
    expect(await end(4)).toContain("has no <extra_id_500>");
    const empty = newRun(tinySpec());
    ask(5, empty);
    expect(await end(5)).toMatch(/no checkpoint yet/);
    const other = newRun(tinySpec());
    await start(other).ended;
    const [newest] = listCheckpoints(other);
    writeFileSync(join(newest!.folder, "model.safetensors"), "damaged");
    rmSync(join(newest!.folder, "optimizer.safetensors"));
    ask(6, other);
    expect(await end(6)).toMatch(/are damaged \(model.safetensors has another size than recorded\); choose another checkpoint/);
    child.kill();
  }, LONG);

  test("a long text comes bit by bit, and cancelled it ends and makes room for the next request", async () => {
    const { child, ask, end, of, cancel, until } = program();
    // Hot enough never to meet the end token soon.
    ask(1, run, { method: "sampling", temperature: 100, maxTokens: 4096, seed: 5 });
    const texts = () => of(1).flatMap((reply) => (reply.type === "push" && reply.push.phase === "text" ? [reply.push.answer.texts[0]!.output.length] : []));
    await until(() => texts().length >= 2 || of(1).some((reply) => reply.type === "failed"));
    expect(texts()).toEqual(texts().toSorted((a, b) => a - b));
    cancel(1);
    ask(2, run);
    expect(await end(2)).toMatchObject({ done: true });
    const before = of(1).length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(of(1)).toHaveLength(before);
    child.kill();
  }, LONG);

  test("without a request it ends after its time", async () => {
    const { child } = program("--idle", "0.2");
    expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(0);
  }, LONG);
});
