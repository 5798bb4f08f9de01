import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { EventStream, random, stepLines } from "../fixtures/writeRun.ts";
import { RunEvent } from "../../contract/events.ts";
import { fitsOf } from "../../contract/fits.ts";

const schemas = new Map<unknown, (typeof RunEvent.options)[number]>(RunEvent.options.map((option) => [option.shape.kind.value, option]));
const fits = new Map([...schemas].map(([kind, schema]) => [kind, fitsOf(schema)]));

/** A line of each kind, and many of those that come often. */
function lines(): string[] {
  const stream = new EventStream(), next = random(3);
  const text = [
    stream.line({ kind: "attempt", fromStep: 0, parameters: 1, device: "cpu", precision: "fp32" }), stream.line({ kind: "log", step: null, level: "info", message: "m" }),
    stream.line({ kind: "checkpoint", step: 1, action: "written", reason: "stop", bytes: 1, evaluationLoss: "NaN", best: true }),
    stream.line({ kind: "progress", phase: "first-step", done: 0, total: null, unit: "step" }),
    stream.line({ kind: "metrics", step: 1, tokens: 1, seconds: 0.5, values: { loss: "-Infinity", "a/b.c-d_e": -0 } }),
    ...Array.from({ length: 1000 }, (_, step) => stepLines(stream, step, { experts: 4, every: 5, next })),
  ];
  return text.join("").trimEnd().split("\n");
}

test("every event as a trainer writes it fits at once", () => {
  const seen = new Set<string>();
  for (const line of lines()) {
    const json = JSON.parse(line);
    seen.add(json.kind);
    expect(fits.get(json.kind)!(json), line).toBe(true);
  }
  expect([...seen].sort()).toEqual([...schemas.keys()].sort());
});

test("what fits is what parsing leaves as it is", () => {
  const next = random(11), pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
  const odd = [null, "", "NaN", "x", -1, 0.5, 2 ** 53, Infinity, -0, true, [], {}, [1], [[1, 2]], [[1, 2, 3]], { a: 1 }, "encoder", JSON.parse('{"__proto__":1}')];
  const mutate = (json: unknown): void => {
    const holder = json as Record<string, unknown>, key = pick(Object.keys(holder)), what = next();
    if (Array.isArray(json) && (key === undefined || what < 0.2)) json.push(pick(odd));
    else if (key === undefined || what < 0.1) holder[pick(["extra", "a b", "constructor", "toString"])] = pick(odd);
    else if (what < 0.2) delete holder[key];
    else if (what < 0.6 && typeof holder[key] === "object" && holder[key] !== null) mutate(holder[key]);
    else holder[key] = pick(odd);
  };
  const all = lines(), counts = { fit: 0, not: 0 };
  for (let round = 0; round < 20_000; round++) {
    const json = JSON.parse(pick(all)) as { kind: string }, { kind } = json;
    mutate(json);
    if (!fits.get(kind)!(json)) {
      counts.not++;
      continue;
    }
    counts.fit++;
    const parsed = schemas.get(kind)!.safeParse(json);
    expect(isDeepStrictEqual(parsed.data, json), JSON.stringify(json)).toBe(true);
  }
  expect(counts.fit).toBeGreaterThan(500);
  expect(counts.not).toBeGreaterThan(5000);
});

test("a schema that it does not know is refused, not guessed", () => {
  for (const schema of [z.date(), z.looseObject({}), z.string().min(1), z.number().refine((n) => n > 1), z.string().transform(Number)]) expect(() => fitsOf(schema)).toThrow(/no quick way/);
});
