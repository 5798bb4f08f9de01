import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { RunEvent } from "../events.ts";
import { jsonSchemas } from "./generate.ts";

test.each([...jsonSchemas()])("%s is current (node contract/jsonSchema/generate.ts)", (name, text) =>
  expect(readFileSync(new URL(name, import.meta.url), "utf8")).toBe(text));

test("every example line of docs/run-directory.md is a valid event", () => {
  const page = readFileSync(new URL("../../docs/run-directory.md", import.meta.url), "utf8");
  const lines = [...page.matchAll(/```jsonl\n([\s\S]*?)```/g)].flatMap((block) => block[1]!.trim().split("\n"));
  expect(lines.length).toBeGreaterThanOrEqual(5);
  for (const line of lines) RunEvent.parse(JSON.parse(line));
});
