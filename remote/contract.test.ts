import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CONTRACT_FILE, contractText } from "./generateContract.ts";

test("what the JAX trainer knows of the contract is current (node remote/generateContract.ts)", () =>
  expect(readFileSync(CONTRACT_FILE, "utf8")).toBe(contractText()));
