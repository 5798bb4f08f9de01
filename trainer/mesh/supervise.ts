// Watches over the ranks of a mesh: starts them, and when one is gone or stuck names it, ends the others and records the end.
import { fork, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Asked } from "../../contract/asked.ts";
import { rankName, ranksOf, type MeshSpec } from "../../contract/meshSpec.ts";
import { ExitFile, FILES, HeartbeatFile } from "../../contract/runDirectory.ts";
import { EXIT_CODES } from "../failure.ts";
import { recordEnd } from "../run/runDirectory.ts";
import { BEAT_MILLISECONDS, type RankMessage, type RankOptions, type SupervisorMessage } from "./messages.ts";

const RANK = fileURLToPath(new URL("rank.ts", import.meta.url));
/** A rank that neither answers nor computes for so long is stuck. */
const STUCK_MILLISECONDS = 20_000;
/** When one rank is gone the others notice too: so long is waited for the one that went first, whose death they only report. */
const BLAME_MILLISECONDS = 500;
/** Ranks that only report others: so long until they are believed. */
const LOST_MILLISECONDS = 5000;
/** After rank 0 ended well, the others end by themselves within this; killed ones are gone within it. */
const END_MILLISECONDS = 5000;

export interface SuperviseOptions { path: string; attempt: number; asked: Asked; mesh: MeshSpec }

interface Rank {
  child: ChildProcess; name: string;
  /** When it last answered or computed, and its processor time then. */
  alive: number; ticks: string;
  failure: string | null;
  lost: string | null;
}

/** Runs the attempt on all ranks and exits with rank 0's code, or with that of a crash. */
export function supervise({ path, attempt, asked, mesh }: SuperviseOptions): Promise<never> {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-mesh-"));
  const ranks: Rank[] = [];
  let ended = false;

  const gone = (): boolean => ranks.every(({ child }) => child.pid === undefined || child.exitCode !== null || child.signalCode !== null);
  /** Ends what is left of the ranks, sees them gone, and exits. */
  const finish = (code: number, patience = 0): void => {
    ended = true;
    const began = Date.now();
    setInterval(() => {
      if (Date.now() - began >= patience) for (const { child } of ranks) child.kill("SIGKILL");
      if (!gone() && Date.now() - began < patience + END_MILLISECONDS) return;
      rmSync(folder, { recursive: true, force: true });
      process.exit(code);
    }, 20);
  };
  /** Ends all ranks with one sentence about the first that failed. */
  const fail = (message: string, detail: string | null = null): void => {
    if (ended) return;
    process.stderr.write(`${message}\n`);
    for (const { child } of ranks) child.kill("SIGKILL");
    try { recordEnd(path, { attempt, step: stepOf(path, attempt), reason: "crashed", code: EXIT_CODES.crashed, message: message.slice(0, 4000), detail }); }
    catch (error) { process.stderr.write(`The end could not be recorded: ${(error as Error).message}\n`); }
    finish(EXIT_CODES.crashed);
  };

  const onExit = (rank: number, code: number | null, signal: NodeJS.Signals | null): void => {
    if (ended) return;
    // It has said why itself. The others end with it, or are ended.
    if (rank === 0 && hasEnded(path, attempt)) return finish(code ?? EXIT_CODES.crashed, code === 0 ? END_MILLISECONDS : 0);
    if (code === 0 && rank > 0) return;
    const { name, failure } = ranks[rank]!;
    const how = failure ?? (signal === "SIGKILL" ? "was killed (SIGKILL); the system does that where memory runs out." : signal ? `was ended by ${signal}.` : `ended with code ${code}.`);
    // A rank of which another's end is the reason must not be blamed: those report instead of ending.
    setTimeout(() => fail(`${capital(name)} ${failure ? `failed: ${how}` : how} All other ranks were ended; resume continues from the last checkpoint.`), failure ? 0 : BLAME_MILLISECONDS);
  };

  const onMessage = (rank: number, message: RankMessage): void => {
    const entry = ranks[rank]!;
    entry.alive = Date.now();
    if (message.kind === "engine") for (const { child } of ranks.slice(1)) child.send({ kind: "engine", config: message.config } satisfies SupervisorMessage);
    if (message.kind === "failed") entry.failure = message.message;
    if (message.kind === "lost") {
      entry.lost = message.detail;
      setTimeout(() => fail(`${capital(entry.name)} could not reach the others: ${message.message} Resume continues from the last checkpoint.`, message.detail.slice(0, 20_000)), LOST_MILLISECONDS);
    }
  };

  for (let rank = 0; rank < ranksOf(mesh); rank++) {
    const options: RankOptions = { path, attempt, rank, asked, owner: process.pid, storeFile: join(folder, "store") };
    // Threads that wait for others at a barrier must not keep the cores of other ranks busy.
    const child = fork(RANK, [JSON.stringify(options)], { stdio: ["ignore", "inherit", "inherit", "ipc"], env: { OMP_WAIT_POLICY: "passive", ...process.env } });
    ranks.push({ child, name: rankName(rank, mesh), alive: Date.now(), ticks: "", failure: null, lost: null });
    child.on("message", (message) => onMessage(rank, message as RankMessage));
    child.on("exit", (code, signal) => onExit(rank, code, signal));
    child.on("error", (error) => fail(`${capital(rankName(rank, mesh))} could not be started: ${error.message}`));
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ranks[0]!.child.kill(signal));

  let looked = Date.now();
  setInterval(() => {
    const now = Date.now(), slept = now - looked > 3 * BEAT_MILLISECONDS;
    looked = now;
    for (const entry of ranks) {
      const ticks = processorTicks(entry.child.pid);
      // After a pause of the machine, or of this process, nobody can be blamed for silence.
      if (slept || ticks !== entry.ticks) entry.alive = Math.max(entry.alive, now);
      entry.ticks = ticks;
      if (ended || entry.child.exitCode !== null || entry.lost !== null || now - entry.alive < STUCK_MILLISECONDS) continue;
      fail(`${capital(entry.name)} has not answered for ${Math.round((now - entry.alive) / 1000)} s and does nothing. All ranks were ended; resume continues from the last checkpoint.`);
    }
  }, BEAT_MILLISECONDS);
  return new Promise<never>(() => {});
}

const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

/** User and system time of a process, as the kernel counts it; empty where it is gone. */
function processorTicks(pid: number | undefined): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13).join(" ");
  } catch { return ""; }
}

/** Whether the attempt has said itself how it ended. */
function hasEnded(path: string, attempt: number): boolean {
  const file = join(path, FILES.exit);
  if (!existsSync(file)) return false;
  try { return ExitFile.parse(JSON.parse(readFileSync(file, "utf8"))).attempt === attempt; } catch { return false; }
}

function stepOf(path: string, attempt: number): number {
  try {
    const beat = HeartbeatFile.parse(JSON.parse(readFileSync(join(path, FILES.heartbeat), "utf8")));
    return beat.attempt === attempt ? beat.step : 0;
  } catch { return 0; }
}
