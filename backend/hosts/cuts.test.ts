// Wherever the link is cut, and wherever the backend is killed, the rows are those of an uninterrupted tail.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { FILES } from "../../contract/runDirectory.ts";
import { openWritable } from "../../db/database.ts";
import { addRun } from "../../db/runRows.ts";
import { Mirrors, rowsOf, runsOn, shellChannel } from "../fixtures/remoteMirrors.ts";
import { temporaryHome, until } from "../fixtures/temporaryHome.ts";
import { EventStream, random, stepLines, writeRun } from "../fixtures/writeRun.ts";
import { EventFile } from "../runs/eventFile.ts";
import { Push } from "./agentMessages.ts";
import { FrameReader, frameOf } from "./frames.ts";
import { agentProgram } from "./installAgent.ts";
import { MirrorFiles } from "./mirrorFiles.ts";

const EVENTS = 10_000;
const there = mkdtempSync(join(tmpdir(), "switchyard-there-"));
mkdirSync(runsOn(there), { recursive: true });
afterAll(() => rmSync(there, { recursive: true, force: true }));

/** Short events of every kind that makes rows, in several attempts. */
function recorded(): Buffer {
  const next = random(3), lines: string[] = [];
  let stream = new EventStream(1), step = 0;
  const begin = (fromStep: number) => {
    step = fromStep;
    lines.push(stream.line({ kind: "attempt", fromStep, parameters: 1, device: "cpu", precision: "fp32" }));
  };
  begin(0);
  while (lines.length < EVENTS) {
    step++;
    lines.push(stream.line({ kind: "metrics", step, tokens: step, seconds: step, values: { loss: step % 97 === 0 ? "NaN" : Math.fround(next()) } }));
    if (step % 50 === 0) lines.push(stream.line({ kind: "log", step, level: "info", message: "Größe 🙂" }));
    if (step % 400 === 0) lines.push(stream.line({ kind: "checkpoint", step, action: "written", reason: "schedule", bytes: 1, evaluationLoss: next(), best: false }));
    if (lines.length % 3000 === 0) {
      stream = new EventStream(stream.attempt + 1);
      begin(step - 100);
    }
  }
  return Buffer.from(lines.slice(0, EVENTS).join(""));
}

const ID = "0199aaaa-0000-7000-8000-000000000001";
function reading(file: string) {
  const db = openWritable(":memory:"), run = addRun(db, { id: ID, spec: "{}", name: "r", steps: 1, experts: null, sparseLayers: 0, createdAt: 1 });
  const events = new EventFile(db, run, file);
  return { read: () => { while (events.readBatch().more); }, rows: () => rowsOf(db, ID), close: () => db.close() };
}

test("a link that is cut after every single byte of 10,000 events gives the same rows", { timeout: 600_000 }, () => {
  const bytes = recorded(), folder = temporaryHome().runs, original = join(folder, "original.jsonl");
  writeFileSync(original, bytes);
  const whole = reading(original);
  whole.read();
  const copy = mkdtempSync(join(folder, "copy-")), cut = reading(join(copy, FILES.events));
  for (let at = 0; at < bytes.length; at++) {
    // Each byte comes over a connection of its own, opened anew as after a cut or a kill.
    const mirror = new MirrorFiles(copy), { offset, marks } = mirror.open();
    if (offset !== at) throw new Error(`The copy goes on at ${offset} where ${at} bytes came.`);
    if (marks.some(([place, length]) => place < 0 || place + length > at)) throw new Error("A mark is of bytes that are not there.");
    mirror.append(offset, bytes.toString("base64", at, at + 1));
    mirror.close();
    // A reader that looks at every byte would only say the same more slowly.
    if (at % 64 === 0) cut.read();
  }
  cut.read();
  expect(readFileSync(join(copy, FILES.events)).equals(bytes)).toBe(true);
  expect(cut.rows()).toEqual(whole.rows());
  whole.close();
  cut.close();
});

/** What an agent sends of a directory from an offset on, as raw bytes, until it has caught up. */
async function agentSays(directory: string, files: MirrorFiles | null): Promise<Buffer> {
  const { offset, marks } = files?.open() ?? { offset: 0, marks: [] };
  const agent = join(there, "agent.pyz");
  writeFileSync(agent, agentProgram().bytes);
  const child = spawn("python3", ["-u", agent, "serve"], { stdio: ["pipe", "pipe", "inherit"] });
  const parts: Buffer[] = [], reader = new FrameReader();
  child.stdin.write(frameOf({ verb: "watch", id: 1, watch: 2, directory, process: 0, offset, marks }));
  for await (const data of child.stdout) {
    parts.push(data as Buffer);
    let caughtUp = false;
    for (const message of reader.feed(data as Buffer)) {
      const push = Push.safeParse(message);
      if (push.success && push.data.events) child.stdin.write(frameOf({ verb: "ack", bytes: Buffer.byteLength(push.data.events.data, "base64") }));
      caughtUp ||= push.success && push.data.caughtUp === true;
    }
    if (caughtUp) break;
  }
  child.stdin.end();
  child.kill();
  return Buffer.concat(parts);
}

test("what an agent sends of 10,000 events can be cut at every byte of it, and is gone on with from there", { timeout: 300_000 }, async () => {
  const id = writeRun(runsOn(there), { steps: 0, exit: null }), directory = join(runsOn(there), id), bytes = recorded();
  writeFileSync(join(directory, FILES.events), bytes);
  const sent = await agentSays(directory, null), states = new Set<number>();
  expect(sent.length).toBeGreaterThan(bytes.length);
  const copy = mkdtempSync(join(there, "copy-")), mirror = new MirrorFiles(copy), reader = new FrameReader();
  mirror.open();
  // One reader that is given one byte after the other has seen, after each, what a link that is cut there has brought.
  for (let at = 0; at < sent.length; at++) {
    for (const message of reader.feed(sent.subarray(at, at + 1))) {
      const push = Push.safeParse(message);
      if (!push.success || !push.data.events) continue;
      const before = mirror.size;
      mirror.append(push.data.events.offset, push.data.events.data);
      if (!readFileSync(join(copy, FILES.events)).subarray(before).equals(bytes.subarray(before, mirror.size))) throw new Error(`The bytes after ${before} differ.`);
      states.add(mirror.size);
    }
  }
  expect(mirror.size).toBe(bytes.length);
  // From each state that a cut can leave, the agent goes on to the same file.
  for (const size of [0, ...states].filter((one) => one < bytes.length)) {
    const rest = mkdtempSync(join(there, "rest-")), files = new MirrorFiles(rest);
    writeFileSync(join(rest, FILES.events), bytes.subarray(0, size));
    const more = await agentSays(directory, files);
    for (const message of new FrameReader().feed(more)) {
      const push = Push.safeParse(message);
      if (push.success && push.data.events) files.append(push.data.events.offset, push.data.events.data);
    }
    expect(readFileSync(join(rest, FILES.events)).equals(bytes)).toBe(true);
  }
  expect(states.size).toBeGreaterThan(5);
});

test("nothing is lost or doubled when the backend is killed while it copies", { timeout: 240_000 }, async () => {
  const home = temporaryHome(), id = writeRun(runsOn(there), { steps: 20, exit: null }), directory = join(runsOn(there), id), events = join(directory, FILES.events);
  const program = fileURLToPath(new URL("../fixtures/mirrorHome.ts", import.meta.url)), next = random(17), stream = new EventStream(1, 1_770_000_000);
  stream.seq = readFileSync(events, "utf8").trimEnd().split("\n").length;
  const writer = setInterval(() => {
    let lines = "";
    for (let i = 0; i < 20; i++) lines += stepLines(stream, ++step, { experts: 8, every: 5, next });
    waiting += lines;
    const cut = Math.floor(waiting.length * next());
    appendFileSync(events, waiting.slice(0, cut));
    waiting = waiting.slice(cut);
  }, 20);
  let step = 20, waiting = "", interrupted = 0;
  const copied = () => { try { return statSync(join(home.runs, id, FILES.events)).size; } catch { return 0; } };
  for (let kill = 0; kill < 16; kill++) {
    const child = spawn(process.execPath, [program, home.directory, runsOn(there), directory], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, 100 + next() * 500));
    child.kill("SIGKILL");
    await once(child, "exit");
    if (copied() < statSync(events).size) interrupted++;
  }
  clearInterval(writer);
  appendFileSync(events, waiting);
  expect(interrupted).toBeGreaterThan(8);
  const mirrors = new Mirrors(home, () => ({ python: "python3", runs: runsOn(there), open: (command) => shellChannel(command) }));
  mirrors.remotes.followAll(() => false);
  await mirrors.start();
  await until(() => copied() === statSync(events).size && mirrors.status(id).step === step, 30_000);
  await mirrors.ingest.settled();
  const here = temporaryHome(), local = new Mirrors(here, () => { throw new Error("not needed"); });
  mkdirSync(join(here.runs, id));
  for (const name of [FILES.spec, FILES.events]) writeFileSync(join(here.runs, id, name), readFileSync(join(directory, name)));
  await local.start();
  expect(mirrors.rows(id)).toEqual(local.rows(id));
  await Promise.all([mirrors.close(), local.close()]);
});
