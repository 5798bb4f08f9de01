// What a trainer writes into its run directory. Formats: contract/runDirectory.ts and contract/events.ts.
import { closeSync, existsSync, fstatSync, fsyncSync, mkdirSync, openSync, readFileSync, readSync, readdirSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { FILES, ProcessFile, type ControlVerb, type ExitFile } from "../../contract/runDirectory.ts";
import type { RunEvent } from "../../contract/events.ts";
import { argumentsOf, askedIn, type Asked } from "../../contract/asked.ts";
import { RunSpec } from "../../contract/runSpec.ts";
import { RunFailure } from "../failure.ts";

/** An event as the loop says it; the stamp is added here. */
export type NewEvent = RunEvent extends infer E ? E extends RunEvent ? Omit<E, "v" | "attempt" | "seq" | "t"> : never : never;
/** Freed when the disk is full, so that the end can still be written. */
const SPARE_BYTES = 64 << 10, SPARE = ".spare";
/** Ends the name of what is written aside and not yet renamed. */
export const PARTIAL = ".partial";

export function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try { fsyncSync(directory); } finally { closeSync(directory); }
}

/** Replaces a small file whole: readers see the old one or the new one. */
export function replaceFile(path: string, value: unknown, durable: boolean): void {
  const aside = `${path}.${process.pid}${PARTIAL}`;
  try {
    writeFileSync(aside, JSON.stringify(value), { mode: 0o600, flush: durable });
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

/** Holds the run for this process until it ends, by a name in the kernel that a kill releases. False where it is held. */
export function lockRun(directory: string): Promise<boolean> {
  const { dev, ino } = statSync(directory);
  const name = `\0switchyard-run-${createHash("sha256").update(`${dev}:${ino}`).digest("hex").slice(0, 32)}`;
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(false) : reject(error)));
    server.listen(name, () => { server.unref(); resolve(true); });
  });
}

/** The spec as this attempt follows it. */
export function readSpec(directory: string, { mesh }: Pick<Asked, "mesh"> = { mesh: null }): RunSpec {
  let raw: unknown;
  try { raw = JSON.parse(readFileSync(join(directory, FILES.spec), "utf8")); }
  catch (error) { throw new RunFailure("spec-error", `${FILES.spec} can't be read (${(error as Error).message}); write the run's spec there.`, error); }
  const parsed = RunSpec.safeParse(mesh === null ? raw : { ...raw as object, mesh });
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0]!;
  throw new RunFailure("spec-error", `The spec is wrong at ${first.path.join(".") || "its top"}: ${first.message}`, parsed.error);
}

function readProcessFile(directory: string): ProcessFile | null {
  try { return ProcessFile.parse(JSON.parse(readFileSync(join(directory, FILES.process), "utf8"))); } catch { return null; }
}

/** By this start or else by an earlier one: process.json carries it on. */
export function askedOf(argv: readonly string[], directory: string): Asked {
  const now = askedIn(argv), before = askedIn(readProcessFile(directory)?.argv ?? []);
  return { steps: now.steps ?? before.steps, mesh: now.mesh ?? before.mesh };
}

/** The process that a run lives and ends with. */
export type Owner = Pick<ProcessFile, "pid" | "startTicks">;
export function ownerOf(pid: number): Owner {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // Field 22; the name in field 2 may hold spaces, so count from after its closing parenthesis.
  return { pid, startTicks: stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]! };
}

export class RunDirectory {
  readonly path: string;
  readonly attempt: number;
  readonly asked: Asked;
  step = 0;
  #seq = 0;
  #beats = 0;
  #events: number;
  /** Whether the last write ended inside a line. */
  #torn = false;
  #heart: NodeJS.Timeout;

  /** Begins an attempt. The caller holds the lock and has its number from `nextAttempt`. */
  constructor(path: string, attempt: number, asked: Asked, owner: Owner) {
    this.path = path;
    this.attempt = attempt;
    this.asked = asked;
    removeLeftovers(path);
    for (const folder of [FILES.control, FILES.checkpoints]) mkdirSync(join(path, folder), { recursive: true, mode: 0o700 });
    const argv = ["node", "trainer/main.ts", path, ...argumentsOf(asked)];
    replaceFile(join(path, FILES.process), {
      v: 1, attempt: this.attempt, ...owner,
      bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(), host: hostname(), argv, startedAt: Date.now() / 1000,
    } satisfies ProcessFile, true);
    rmSync(join(path, FILES.exit), { force: true });
    syncDirectory(path);
    this.#events = openSync(join(path, FILES.events), "a+", 0o600);
    endTornLine(this.#events);
    this.#reserveSpare();
    this.#beat();
    this.#heart = setInterval(() => this.#beat(), 2000);
  }

  /** Appends events in one write, so that a kill tears at most the last line. What a full disk tore is ended before the next. */
  write(...events: NewEvent[]): void {
    const t = Date.now() / 1000;
    const text = Buffer.from((this.#torn ? "\n" : "") + events.map((event) => `${JSON.stringify({ v: 1, attempt: this.attempt, seq: this.#seq++, t, ...event })}\n`).join(""));
    this.#torn = true;
    for (let at = 0; at < text.length;) at += writeSync(this.#events, text, at);
    this.#torn = false;
  }
  log(level: "info" | "warning" | "error", message: string): void {
    this.write({ kind: "log", step: this.step, level, message });
    say(message);
  }

  requested(verb: ControlVerb): boolean { return existsSync(join(this.path, FILES.control, `${verb}.json`)); }
  answered(verb: ControlVerb): void { rmSync(join(this.path, FILES.control, `${verb}.json`), { force: true }); }

  /** Writes exit.json: the last thing an attempt does. */
  end(exit: Pick<ExitFile, "reason" | "code" | "message" | "detail">): void {
    clearInterval(this.#heart);
    this.freeSpare();
    this.answered("stop");
    recordEnd(this.path, { attempt: this.attempt, step: this.step, ...exit });
  }
  /** Gives the reserved space back, for the last words on a full disk. */
  freeSpare(): void { rmSync(join(this.path, SPARE), { force: true }); }

  #reserveSpare(): void {
    try { writeFileSync(join(this.path, SPARE), Buffer.alloc(SPARE_BYTES, 1), { mode: 0o600, flush: true }); }
    catch (error) { this.freeSpare(); throw error; }
  }
  #beat(): void {
    try { replaceFile(join(this.path, FILES.heartbeat), { v: 1, attempt: this.attempt, count: this.#beats++, step: this.step, t: Date.now() / 1000 }, false); }
    catch { /* a full disk shows itself where data is written */ }
  }
}

/** Writes exit.json. */
export function recordEnd(path: string, exit: Pick<ExitFile, "attempt" | "step" | "reason" | "code" | "message" | "detail">): void {
  replaceFile(join(path, FILES.exit), { v: 1, t: Date.now() / 1000, by: "trainer", ...exit } satisfies ExitFile, true);
  syncDirectory(path);
}

/** The number of the attempt that begins now. */
export const nextAttempt = (path: string): number => Math.max(readProcessFile(path)?.attempt ?? 0, lastAttempt(join(path, FILES.events))) + 1;

/** What a killed attempt was writing: files and checkpoints aside, checkpoints half removed. None of it is data of the run. */
function removeLeftovers(path: string): void {
  for (const name of readdirSync(path)) if (name.endsWith(PARTIAL) || name === SPARE) rmSync(join(path, name), { force: true });
  const checkpoints = join(path, FILES.checkpoints);
  if (!existsSync(checkpoints)) return;
  for (const name of readdirSync(checkpoints)) {
    const folder = join(checkpoints, name);
    if (/^\.step-\d+\.partial$/.test(name) || (/^step-\d+$/.test(name) && !existsSync(join(folder, FILES.manifest)))) rmSync(folder, { recursive: true, force: true });
  }
}

/** The run's own output, which its launcher may have stopped reading. */
export function say(line: string): void { process.stdout.write(`${line}\n`); }

/** A killed attempt may leave half a line: it is ended, and readers skip what does not parse. */
function endTornLine(file: number): void {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  if (size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a) writeSync(file, "\n");
}

/** The newest attempt recorded near the end of events.jsonl, 0 when there is none. */
function lastAttempt(path: string): number {
  if (!existsSync(path)) return 0;
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file), tail = Buffer.alloc(Math.min(size, 2 << 20));
    readSync(file, tail, 0, tail.length, size - tail.length);
    let newest = 0;
    for (const line of tail.toString("utf8").split("\n")) {
      try { newest = Math.max(newest, (JSON.parse(line) as { attempt?: number }).attempt ?? 0); } catch { /* torn */ }
    }
    return newest;
  } finally { closeSync(file); }
}
