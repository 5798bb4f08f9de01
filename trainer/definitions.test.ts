// docs/definitions.md says of every number that a trainer records what it is, in the contract's words and the code's thresholds.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { AlertCode, RoutingLayer } from "../contract/events.ts";
import { METRICS } from "../contract/metrics.ts";
import { THRESHOLDS } from "./alerts.ts";
import { STALL } from "./stall.ts";

const page = readFileSync(new URL("../docs/definitions.md", import.meta.url), "utf8");
const rows = page.split("\n").filter((line) => line.startsWith("| ")).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

test.each(Object.entries(METRICS))("%s: label, unit, formula and source", (name, { label, unit }) => {
  const found = rows.filter(([metric]) => metric === `${label} (\`${name}\`)` && metric !== undefined).filter((row) => row.length === 4);
  expect(found).toHaveLength(1);
  const [, writtenUnit, formula, source] = found[0]!;
  expect(writtenUnit).toBe(unit === "" ? "–" : unit);
  expect(formula!.length).toBeGreaterThan(40);
  expect(source).not.toBe("");
});

test("every measured field of a routing event", () => {
  const described = new Set([...page.matchAll(/\(`(\w+)`\)/g)].map(([, name]) => name));
  for (const field of Object.keys(RoutingLayer.shape).filter((name) => !["stack", "layer", "experts", "tokens"].includes(name))) expect(described).toContain(field);
});

test("every alert, with the thresholds that the trainer uses", () => {
  const alert = (code: string) => rows.find(([name]) => name === `\`${code}\``)?.join(" ");
  for (const code of AlertCode.options) expect(alert(code)).toBeDefined();
  for (const [code, numbers] of [
    ["dead-expert", [...THRESHOLDS.dead.map((x) => `${100 * x}%`), `last ${THRESHOLDS.window} `]], ["collapse", THRESHOLDS.collapse.map((x) => `${100 * x}%`)],
    ["overload", THRESHOLDS.overload.map((x) => `${x} times`)], ["drop-rate", THRESHOLDS.drop.map((x) => `${100 * x}%`)],
    ["spike", [...THRESHOLDS.spike.map((x) => `${x} standard deviations`), `after ${THRESHOLDS.spikeAfter} losses`]],
    ["stall", [`${STALL.slow[0]} times the median`, `last ${STALL.window}`, `${STALL.stuck} medians`, `${STALL.stuckLeast} seconds`, `${STALL.first} seconds`, `under ${STALL.slow[1]} medians`]],
  ] as const) for (const number of numbers) expect(alert(code)).toContain(number);
});
