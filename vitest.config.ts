import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Tests of single parts, in Node, beside the files they test. What needs a browser lives in e2e/. */
export default defineConfig({
  test: {
    include: ["**/*.test.{ts,tsx,mjs}"],
    exclude: ["node_modules/**", "dist/**", "build/**", "e2e/**"],
    environment: "node",
    // A process per file: the addon and SQLite are native, and a crash must name the file that caused it.
    pool: "forks",
    // Left alone it would be one on two cores, where most tests wait for processes that they have started.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    passWithNoTests: false,
  },
});
