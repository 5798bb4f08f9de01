import { expect, test } from "vitest";
import { add, junitCounts, playwrightCounts, summaryLine, vitestCounts } from "./counts.ts";

test("the last line names skipped tests only where there are some", () => {
  expect(summaryLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
  expect(summaryLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
});

test("counts add up by kind", () => {
  expect(add({ passed: 1, failed: 2, skipped: 3 }, { passed: 10, failed: 20, skipped: 30 })).toEqual({ passed: 11, failed: 22, skipped: 33 });
});

test("a Vitest file that fails before its first test is a failure", () => {
  const report = { numPassedTests: 5, numFailedTests: 1, numPendingTests: 1, numTodoTests: 1, testResults: [{ status: "failed", assertionResults: [] }, { status: "failed", assertionResults: [{}] }] };
  expect(vitestCounts(JSON.stringify(report))).toEqual({ passed: 5, failed: 2, skipped: 2 });
});

test("a Playwright test that passes only when tried again is a failure, and so is an error outside of tests", () => {
  expect(playwrightCounts(JSON.stringify({ stats: { expected: 4, unexpected: 1, flaky: 1, skipped: 2 }, errors: [{}] }))).toEqual({ passed: 4, failed: 2, skipped: 2 });
  expect(playwrightCounts(JSON.stringify({ stats: { expected: 0, unexpected: 0, flaky: 0, skipped: 0 }, errors: [{}] }))).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("reads ctest's and pytest's JUnit", () => {
  const ctest = `<testsuite tests="4"><testcase name="Router.Forward" status="run"><system-out>x</system-out></testcase>
    <testcase name="Router.Backward" status="fail"><failure message="Failed"/></testcase>
    <testcase name="Cuda.Step" status="notrun"><skipped message="SKIP_RETURN_CODE"/></testcase>
    <testcase name="Losses" status="run"/></testsuite>`;
  expect(junitCounts(ctest)).toEqual({ passed: 2, failed: 1, skipped: 1 });
  const pytest = `<testcase classname="t" name="a"/><testcase classname="t" name="b"><error message="import"/></testcase>`;
  expect(junitCounts(pytest)).toEqual({ passed: 1, failed: 1, skipped: 0 });
});
