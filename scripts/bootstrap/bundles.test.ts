// A bundle is built anew whenever something changed that it holds.
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { bundles } from "./bundles.mjs";
import { root } from "./paths.mjs";
import { filesBelow } from "./stamp.mjs";

test.each(Object.entries(bundles))("the sources of %s are closed under import", (_, { sources }) => {
  const files = filesBelow(root, sources).filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file));
  const outside = files.flatMap((file) => [...readFileSync(resolve(root, file), "utf8").matchAll(/from "(\.[^"]+)"/g)]
    .map(([, path]) => relative(root, resolve(root, dirname(file), path!)))
    // Scripts bundle, or stand in for Electron in tests; no bundle holds them.
    .filter((path) => !path.startsWith("scripts/") && !sources.some((source) => path === source || path.startsWith(`${source}/`))));
  expect(files.length).toBeGreaterThan(1);
  expect([...new Set(outside)]).toEqual([]);
});
