// A look at a host: small scripts on the standard input of its shell, and their answer read as what a stranger wrote.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Host, HostCheck, HostDevices } from "../../contract/hosts.ts";
import { cleanOutput } from "../runs/output.ts";
import { findings } from "./findings.ts";
import { quotePath } from "./remoteShell.ts";
import type { Channel, ChannelEnd } from "./ssh.ts";

const source = (path: string) => readFileSync(fileURLToPath(new URL(`../../remote/${path}`, import.meta.url)), "utf8");

/** All that a check may say. */
const MOST_BYTES = 256 * 1024;
const MOST_LINES = 500;
export const CHECK_SECONDS = 120;
const PINGS = 3;

export type CheckOutcome = { check: HostCheck; end: null } | { check: null; end: ChannelEnd; reason: string | null };

/**
 * Looks at a host through an open shell (`sh -s`), which ends with it. `tell` hears what is being done.
 * Without a check, `end` says how the channel ended and `reason` why its answer was no use.
 */
export async function checkHost(host: Host, channel: Channel, tell: (doing: string) => void, seconds = CHECK_SECONDS): Promise<CheckOutcome> {
  const started = performance.now();
  // Lines of a login script or a message of the day do not begin with it.
  const mark = `switchyard-${randomBytes(8).toString("hex")}`;
  const lines = new MarkedLines(channel, mark);
  let reason: string | null = null;
  const timer = setTimeout(() => {
    reason = `The check of ${host.name} took longer than ${seconds} s and was given up; its shell or Python may hang.`;
    channel.kill();
  }, seconds * 1000);
  try {
    tell("measuring the round trip");
    const roundTripMilliseconds = await roundTrip(channel, lines, mark);
    tell("looking at system, Python and JAX");
    channel.stdin.end(wholeScript(host, mark));
    const end = await channel.closed;
    if (reason !== null || end.failure) return { check: null, end, reason };
    if (lines.flooded) return { check: null, end, reason: `${host.name} answered the check with more than ${MOST_BYTES / 1024} KiB, so it was given up.` };
    const check = readAnswer(host, lines.all, { roundTripMilliseconds, seconds: (performance.now() - started) / 1000 });
    return check ? { check, end: null } : { check: null, end, reason: `${host.name} has no shell that runs a script (it answered nothing that was understood).` };
  } finally {
    clearTimeout(timer);
  }
}

/** The text for `sh -s`. Paths come from the person; the mark is hexadecimal. */
export function wholeScript({ python, runs, engine }: Pick<Host, "python" | "runs" | "engine">, mark: string): string {
  // A quoted here-document: the shell changes nothing in it.
  const look = (words: string, ...sources: string[]) => [`[ -n "$found" ] && "$PYTHON" - "$MARK" ${words} <<'${mark}-end' 2>/dev/null`, ...sources, `${mark}-end`];
  return [
    `MARK=${mark}; PYTHON=${quotePath(python)}; RUNS=${quotePath(runs)}`, source("check/hostCheck.sh"),
    ...(engine?.kind === "ray" ? look(quotePath(engine.address), source("agent/switchyard_agent/engines/ray_http.py"), source("check/rayCheck.py")) : []),
    ...look('"$holding"', source("check/hostCheck.py")), "exit 0", "",
  ].join("\n");
}

class MarkedLines {
  readonly all: string[] = [];
  flooded = false;
  #bytes = 0;
  #rest = "";
  #waiting: (() => void) | null = null;
  #ended = false;

  constructor(channel: Channel, mark: string) {
    channel.stdout.setEncoding("utf8");
    channel.stdout.on("data", (text: string) => {
      if (this.flooded) return;
      this.#bytes += text.length;
      if (this.#bytes > MOST_BYTES || this.all.length > MOST_LINES) {
        this.flooded = true;
        channel.kill();
      }
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) if (line.startsWith(`${mark} `)) this.all.push(line.slice(mark.length + 1));
      this.#waiting?.();
    });
    void channel.closed.then(() => {
      this.#ended = true;
      this.#waiting?.();
    });
  }

  /** Waits for the line; false when the channel ended first. */
  async has(line: string): Promise<boolean> {
    while (!this.all.includes(line)) {
      if (this.#ended || this.flooded) return false;
      await new Promise<void>((resolve) => { this.#waiting = resolve; });
    }
    return true;
  }
}

/** Least time, in milliseconds, between a line given to the shell and its answer. */
async function roundTrip(channel: Channel, lines: MarkedLines, mark: string): Promise<number | null> {
  let least: number | null = null;
  for (let i = 0; i <= PINGS; i++) {
    const sent = performance.now();
    channel.stdin.write(`printf '%s\\n' '${mark} pong ${i}'\n`);
    if (!(await lines.has(`pong ${i}`))) return null;
    const took = performance.now() - sent;
    // The first also started the shell.
    if (i > 0) least = least === null ? took : Math.min(least, took);
  }
  return least === null ? null : Math.round(least * 100) / 100;
}

const text = (limit: number) => z.string().transform((value) => cleanOutput(value).replaceAll(/\s+/g, " ").trim().slice(0, limit));
const Devices = z.array(z.object({ platform: text(40), kind: text(80), count: z.int().min(0).max(100_000), memoryBytes: z.number().min(0).nullable() })).max(64);
const PythonAnswer = z.object({
  version: text(40), path: text(300), packages: z.record(z.string().max(60), text(60).nullable()),
  jax: z.object({ backend: text(40).nullable(), devices: Devices, problem: text(400).nullable() }).nullable(),
});

const RayAnswer = z.object({
  version: text(40), nodes: z.int().min(0), resources: z.array(z.object({ name: text(100), total: z.number().min(0), most: z.number().min(0) })).max(50), problem: text(400).nullable(),
});

function readAnswer(host: Host, lines: readonly string[], measured: { roundTripMilliseconds: number | null; seconds: number }): HostCheck | null {
  const facts = new Map<string, string[]>();
  for (const line of lines) {
    const space = line.indexOf(" "), key = space < 0 ? line : line.slice(0, space);
    facts.set(key, [...(facts.get(key) ?? []), space < 0 ? "" : line.slice(space + 1)]);
  }
  if (!facts.has("hostname")) return null;
  const one = (key: string) => cleanOutput(facts.get(key)?.[0] ?? "").trim().slice(0, 300);
  const numbers = (key: string) => one(key).split(" ").map(Number).filter((value) => Number.isFinite(value) && value >= 0);
  const kibibytes = (key: string) => (one(key) === "" ? null : (numbers(key)[0] ?? 0) * 1024);
  const [free, total] = numbers("disk"), load = numbers("load");
  // Below the home there, as the person wrote it.
  const home = one("home"), short = (path: string) => (home.startsWith("/") && path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path);
  const python = answer(PythonAnswer, facts.get("json")?.[0]);
  const check: Omit<HostCheck, "findings"> = {
    at: Date.now() / 1000, ...measured,
    hostname: one("hostname"), system: one("system"), kernel: one("kernel"), architecture: one("architecture"),
    cores: one("cores") === "" ? null : Math.trunc(numbers("cores")[0] ?? 0), memoryBytes: kibibytes("memory"), memoryAvailableBytes: kibibytes("memoryAvailable"),
    load: load.length === 3 ? [load[0]!, load[1]!, load[2]!] : null,
    disk: free === undefined || total === undefined ? null : { path: one("disk").split(" ").slice(2).join(" "), freeBytes: free * 1024, totalBytes: total * 1024 },
    runs: { folder: short(one("runsFolder")), count: Math.trunc(numbers("runs")[0] ?? 0), writable: one("writable") === "yes" },
    python: python ? { path: short(python.path), version: python.version } : null,
    jax: python?.jax ? { ...python.jax, version: python.packages["jax"] ?? "", packages: python.packages } : null,
    accelerators: accelerators(numbers("tpuChips")[0] ?? 0, facts.get("gpu") ?? []),
    slurm: facts.has("slurm") ? { version: one("slurm").replace(/^slurm(-wlm)? /, ""), partitions: partitions(facts.get("partition") ?? []) } : null,
    ray: answer(RayAnswer, facts.get("ray")?.[0]),
    tpuHolder: one("tpuHolder") === "" ? null : Math.trunc(numbers("tpuHolder")[0] ?? 0) || null,
    tpuInfo: facts.has("tpuInfo") ? cleanOutput(facts.get("tpuInfo")!.join("\n")).slice(0, 12_000) : null,
  };
  return { ...check, findings: findings(host, check) };
}

/** A line of JSON by its schema; null where there is none. */
function answer<T>(schema: z.ZodType<T>, line: string | undefined): T | null {
  try {
    return schema.parse(JSON.parse(line ?? ""));
  } catch {
    return null;
  }
}

/** Lines of sinfo: name (an asterisk marks the default one), up or not, nodes and time limit. A partition whose nodes differ has several. */
function partitions(lines: readonly string[]): NonNullable<HostCheck["slurm"]>["partitions"] {
  const found = new Map<string, NonNullable<HostCheck["slurm"]>["partitions"][number]>();
  for (const line of lines.slice(0, 100)) {
    const [marked = "", up = "", nodes = "", timeLimit = ""] = cleanOutput(line).split("|").map((field) => field.trim().slice(0, 80)), name = marked.replace(/\*$/, "");
    if (name === "") continue;
    const count = Math.min(1e6, Math.max(0, Math.trunc(Number(nodes) || 0))), same = found.get(name);
    if (same) same.nodes += count;
    else found.set(name, { name, isDefault: marked.endsWith("*"), up: up === "up", nodes: count, timeLimit });
  }
  return [...found.values()];
}

function accelerators(chips: number, gpus: readonly string[]): HostDevices[] {
  const found: HostDevices[] = chips > 0 ? [{ platform: "tpu", kind: "TPU chip", count: Math.trunc(chips), memoryBytes: null }] : [];
  for (const line of gpus.slice(0, 64)) {
    const [name = "", mebibytes = ""] = cleanOutput(line).split(/,\s*/), memoryBytes = Number(mebibytes) > 0 ? Number(mebibytes) * 2 ** 20 : null;
    const same = found.find(({ kind, memoryBytes: memory }) => kind === name && memory === memoryBytes);
    if (same) same.count++;
    else found.push({ platform: "gpu", kind: name.slice(0, 80), count: 1, memoryBytes });
  }
  return found;
}
