// An import that the window asked for, in a process of its own.
import { spawn } from "node:child_process";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { ColumnMapping } from "../../contract/columnMapping.ts";
import { RunId } from "../../contract/runDirectory.ts";
import type { Home } from "../home.ts";
import { PersonError } from "../personError.ts";

const PROGRAM = fileURLToPath(new URL("importProgram.ts", import.meta.url));
const LAST_WORDS = 4000;
const ImportedRun = z.object({ runId: RunId, kept: z.boolean(), name: z.string(), rows: z.int(), problems: z.array(z.string()) });
const Answer = z.union([z.object({ runs: z.array(ImportedRun) }), z.object({ error: z.string() })]);
export type ImportedRun = z.output<typeof ImportedRun>;

/** A path as a person types it. @throws PersonError for one that means nothing to the backend */
function fullPath(typed: string): string {
  if (typed === "~" || typed.startsWith("~/")) return join(homedir(), typed.slice(1));
  if (!isAbsolute(typed)) throw new PersonError(`"${typed}" is not a full path; begin it with / or ~/.`);
  return typed;
}

/** Reads the logs at the path into runs, or on with those of an earlier import. */
export async function importLogs(home: Home, path: string, mapping: ColumnMapping): Promise<ImportedRun[]> {
  const child = spawn(process.execPath, [PROGRAM, home.directory, fullPath(path), JSON.stringify(mapping)], { stdio: ["ignore", "pipe", "pipe"] });
  let printed = "", lastWords = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (printed += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (lastWords = (lastWords + text).slice(-LAST_WORDS)));
  await new Promise<void>((resolve, reject) => child.once("error", reject).once("close", () => resolve()));
  let answer: z.output<typeof Answer>;
  try {
    answer = Answer.parse(JSON.parse(printed));
  } catch {
    throw new PersonError(`The import of ${path} ended before it was done; what it had read stays, and another import goes on from there.`, { detail: lastWords });
  }
  if ("error" in answer) throw new PersonError(answer.error);
  return answer.runs;
}
