import { expect, test } from "vitest";
import { checkInstallation } from "./doctor.mjs";

test("every check says what it found, and how to fix what is not right", async () => {
  const checks = await checkInstallation();
  expect(checks.map((check) => check.name)).toContain("libtorch");
  for (const check of checks) {
    expect(check.detail).not.toBe("");
    expect(check.remedy === null).toBe(check.ok);
  }
});
