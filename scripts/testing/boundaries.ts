// Rules of the house that an import linter can't see: SQL outside db/, and includes of the C++ sources.
import { readFileSync } from "node:fs";
import { filesBelow } from "../bootstrap/stamp.mjs";

export interface Violation { file: string; line: number; message: string }

const SQL = /["'`]\s*(SELECT\s[\s\S]*\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX)\s|PRAGMA\s)/;
const FORBIDDEN_INCLUDE = /^\s*#\s*include\s*[<"][^>"]*(electron|sqlite|better[-_]sqlite)/i;

/** Where SQL stands outside db/. @param file path relative to the root */
export function sqlOutsideDatabase(file: string, text: string): Violation[] {
  if (file.startsWith("db/")) return [];
  return matchingLines(file, text, SQL, "SQL belongs in db/.");
}

/** Where native code includes the shell or the database. */
export function forbiddenIncludes(file: string, text: string): Violation[] {
  return matchingLines(file, text, FORBIDDEN_INCLUDE, "native/ knows nothing of Electron or SQLite.");
}

function matchingLines(file: string, text: string, pattern: RegExp, message: string): Violation[] {
  return text.split("\n").flatMap((line, index) => (pattern.test(line) ? [{ file, line: index + 1, message }] : []));
}

/** Looks at all sources below a root. Tests, what they stand on (fixtures/) and benchmarks look into a database on purpose, to check what is there. */
export function findViolations(root: string): Violation[] {
  const sources = filesBelow(root, ["backend", "cli", "contract", "electron", "renderer", "trainer", "db"])
    .filter((file) => /\.(ts|tsx|mjs)$/.test(file) && !/\.test\.tsx?$|\/fixtures\//.test(file));
  const native = filesBelow(root, ["native"]).filter((file) => /\.(cpp|cc|h|hpp|cu|cuh)$/.test(file));
  return [
    ...sources.flatMap((file) => sqlOutsideDatabase(file, readFileSync(`${root}/${file}`, "utf8"))),
    ...native.flatMap((file) => forbiddenIncludes(file, readFileSync(`${root}/${file}`, "utf8"))),
  ];
}
