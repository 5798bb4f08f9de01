// How many tests passed and failed, read from what each runner writes for machines.

export interface Counts { passed: number; failed: number; skipped: number }

export const none: Counts = { passed: 0, failed: 0, skipped: 0 };

export function add(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** The summary line: `N passed, N failed`, and how many were skipped where some were. */
export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

interface VitestReport {
  numPassedTests: number; numFailedTests: number; numPendingTests: number; numTodoTests: number;
  testResults: { status: string; assertionResults: unknown[] }[];
}

/** A file that fails before its first test, as by a wrong import, is a failure that no test reports. */
export function vitestCounts(json: string): Counts {
  const report = JSON.parse(json) as VitestReport;
  const brokenFiles = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
  return { passed: report.numPassedTests, failed: report.numFailedTests + brokenFiles, skipped: report.numPendingTests + report.numTodoTests };
}

interface PlaywrightReport { stats: { expected: number; unexpected: number; flaky: number; skipped: number }; errors: unknown[] }

/** A test that passes only when tried again counts as failed; so does an error outside of any test. */
export function playwrightCounts(json: string): Counts {
  const { stats, errors } = JSON.parse(json) as PlaywrightReport;
  const outside = stats.unexpected === 0 ? errors.length : 0;
  return { passed: stats.expected, failed: stats.unexpected + stats.flaky + outside, skipped: stats.skipped };
}

/** JUnit's XML as ctest and pytest write it: each test case is one, with what went wrong inside. */
export function junitCounts(xml: string): Counts {
  const counts = { ...none };
  for (const match of xml.matchAll(/<testcase\b([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const attributes = match[1] ?? "";
    const body = match[3] ?? "";
    if (/<(failure|error)\b/.test(body) || /\bstatus="fail"/.test(attributes)) counts.failed += 1;
    else if (/<skipped\b/.test(body) || /\bstatus="(notrun|disabled)"/.test(attributes)) counts.skipped += 1;
    else counts.passed += 1;
  }
  return counts;
}
