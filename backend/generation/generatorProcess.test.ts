// The child as the backend sees it: started when needed, ended with it, and its end told to those who wait.
import { afterEach, expect, test } from "vitest";
import { GenerationRequest, type GenerationPush } from "../../contract/generation.ts";
import { temporaryHome } from "../fixtures/temporaryHome.ts";
import { newRunId } from "../runs/launch.ts";
import { GeneratorProcess } from "./generatorProcess.ts";
import { weightsDirectory } from "./weightsDirectory.ts";

const made: GeneratorProcess[] = [];
afterEach(() => { for (const generator of made.splice(0)) generator.close(); });
const generator = (options?: ConstructorParameters<typeof GeneratorProcess>[0]) => {
  const one = new GeneratorProcess(options);
  made.push(one);
  return one;
};
const request = GenerationRequest.parse({ source: { kind: "run", runId: newRunId() }, texts: ["a"] });
const failure = (one: GeneratorProcess) => new Promise<string>((resolve) => {
  one.generate(temporaryHome().directory, request, { push: (push: GenerationPush) => resolve(JSON.stringify(push)), fail: ({ message }) => resolve(message) });
});
const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test("nothing runs before the first request; one process answers all; closing ends it", async () => {
  const one = generator();
  expect(one.pid).toBeNull();
  expect(await failure(one)).toMatch(/spec.json can't be read/);
  const { pid } = one;
  expect(await failure(one)).toMatch(/spec.json can't be read/);
  expect(one.pid).toBe(pid);
  one.close();
  for (let i = 0; i < 100 && alive(pid!); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(alive(pid!)).toBe(false);
});

test("a process that is killed is told in a sentence, and the next request starts another", async () => {
  const one = generator();
  await failure(one);
  const { pid } = one, waiting = failure(one);
  process.kill(pid!, "SIGKILL");
  // Either the answer was on its way, or the end is told.
  expect(await waiting).toMatch(/was killed by SIGKILL, as the system does when memory runs out; try again|spec.json/);
  for (let i = 0; i < 100 && one.pid !== null; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await failure(one)).toMatch(/spec.json/);
  expect(one.pid).not.toBe(pid);
});

test("idle, it ends, and starts again when asked", async () => {
  const one = generator({ idleSeconds: 0.1 });
  await failure(one);
  for (let i = 0; i < 200 && one.pid !== null; i++) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(one.pid).toBeNull();
  expect(await failure(one)).toMatch(/spec.json/);
});

test("a run without a folder and an unknown model are refused with a sentence", () => {
  const home = temporaryHome();
  expect(() => weightsDirectory(home, request.source)).toThrow(/The folder of run .* is gone/);
  expect(() => weightsDirectory(home, { kind: "model", modelId: newRunId() })).toThrow(/There is no imported model/);
});
