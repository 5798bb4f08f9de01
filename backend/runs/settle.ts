// The end of a run whose trainer went without saying so: said for it, once it is provably gone.
import { join } from "node:path";
import { FILES, type ExitFile, type ExitReason } from "../../contract/runDirectory.ts";
import { plainReason } from "../personError.ts";
import { readOutput } from "./output.ts";
import { writeExit } from "./runFiles.ts";

export interface Departure {
  attempt: number;
  step: number;
  /** How the process ended, where its parent saw it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  cause: "gone" | "rebooted" | "never-started";
}

/** Characters of the output's end that go into the sentence, and into the detail. */
const SENTENCE_OUTPUT = 300;
const DETAIL_OUTPUT = 8000;

/** Writes exit.json for a process that left none, and returns it. */
export function settle(directory: string, departure: Departure): ExitFile {
  const output = readOutput(join(directory, FILES.log)).text.trimEnd();
  const lastLine = lastWords(output);
  const exit: ExitFile = {
    v: 1, attempt: Math.max(1, departure.attempt), ...explain(departure, lastLine), step: departure.step, t: Date.now() / 1000,
    detail: output === "" ? null : output.slice(-DETAIL_OUTPUT), by: "backend",
  };
  try {
    writeExit(directory, exit);
    return exit;
  } catch (error) {
    // A full or read-only disk may be what ended it: the end is told all the same, and written at a later start.
    return { ...exit, message: `${exit.message} This could not be written into the run's folder (${plainReason(error)}).` };
  }
}

/** The last line that says something: neither part of a stack trace nor the version that Node prints after it. */
function lastWords(output: string): string {
  const lines = output.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const telling = lines.findLast((line) => /^(\w*Error|Uncaught|FATAL)\b/.test(line)) ?? lines.findLast((line) => !/^(at |Node\.js v|[{}\]^]|code: )/.test(line));
  return (telling ?? "").slice(0, SENTENCE_OUTPUT);
}

function explain({ step, code, signal, cause }: Departure, lastLine: string): { reason: ExitReason; code: number; message: string } {
  const kept = step > 0 ? ` It had finished step ${step}; resume continues from its last checkpoint.` : "";
  const said = lastLine === "" ? "" : ` Its last words: ${lastLine}`;
  if (cause === "rebooted") return { reason: "killed", code: 137, message: `The machine was restarted while the run was going.${kept}` };
  if (cause === "never-started") return { reason: "crashed", code: 1, message: `The trainer did not start.${said}` };
  if (signal !== null) return { reason: "killed", code: 137, message: `The trainer was ended by ${signal} from outside.${kept}${said}` };
  if (code !== null) return { reason: "crashed", code: code || 1, message: `The trainer ended with code ${code} and gave no reason.${kept}${said}` };
  return { reason: looksLikeCrash(lastLine) ? "crashed" : "killed", code: 137, message: `The trainer's process is gone and gave no reason; it was killed or crashed.${kept}${said}` };
}

const looksLikeCrash = (lastLine: string) => /error|exception|abort|fatal|segmentation|assert|terminate/i.test(lastLine);
