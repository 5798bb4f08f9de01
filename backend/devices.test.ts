// The addon may be built while the backend runs: a failed load is no final word.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const tree = mkdtempSync(join(tmpdir(), "switchyard-devices-"));
afterAll(() => rmSync(tree, { recursive: true }));
const root = join(import.meta.dirname, "..");

test("an addon that is built later is found without a restart", () => {
  for (const file of ["backend/devices.ts", "backend/fileStamp.ts", "native/load.ts"]) cpSync(join(root, file), join(tree, file));
  mkdirSync(join(tree, "build/native"), { recursive: true });
  writeFileSync(join(tree, "package.json"), '{"type":"module"}');
  const addon = join(tree, "build/native/switchyard.node");
  // In one process: no addon, then one that is half written, then none again.
  writeFileSync(join(tree, "main.ts"), `
    import { rmSync, writeFileSync } from "node:fs";
    import { readDevices } from "./backend/devices.ts";
    const reasons = [(await readDevices()).cuda.reason];
    writeFileSync(${JSON.stringify(addon)}, "half of an addon");
    reasons.push((await readDevices()).cuda.reason);
    rmSync(${JSON.stringify(addon)});
    reasons.push((await readDevices()).cuda.reason);
    console.log(JSON.stringify(reasons));`);
  const reasons = JSON.parse(execFileSync(process.execPath, [join(tree, "main.ts")], { encoding: "utf8" })) as string[];
  expect(reasons).toEqual([expect.stringContaining("does not exist"), expect.stringContaining("could not be loaded"), expect.stringContaining("does not exist")]);
  expect(existsSync(addon)).toBe(false);
});
