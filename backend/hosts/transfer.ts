// Files to and from a host, named by their content: what is there is never sent again, and what was cut off goes on where it stopped.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, renameSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { HostError, type AgentSession } from "./agentSession.ts";

/** A file to be sent. */
export interface LocalFile { name: string; path: string; bytes: number; sha256: string }

export type TransferProgress = (done: number, total: number) => void;

const CHUNK_BYTES = 196_608;
/** Chunks on their way at a time: a link of 100 ms then carries up to 30 MB/s. */
const IN_FLIGHT = 16;

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
  return hash.digest("hex");
}

export const localFile = async (name: string, path: string): Promise<LocalFile> => ({ name, path, bytes: statSync(path).size, sha256: await sha256Of(path) });

/** A name for a set of files, by their names and contents. */
export const nameOfFiles = (files: readonly LocalFile[]): string =>
  createHash("sha256").update(JSON.stringify(files.map(({ name, sha256 }) => [name, sha256]).toSorted())).digest("hex");

/** Runs that are started at the same moment have much in common: each waits for the one before it, and finds what that has sent. */
const sending = new WeakMap<AgentSession, Promise<void>>();

/** Sends what the host lacks. @param process number of the worker, which may share its disk with others @throws HostError */
export function sendFiles(session: AgentSession, files: readonly LocalFile[], process: number, progress: TransferProgress = () => {}): Promise<void> {
  const sent = (sending.get(session) ?? Promise.resolve()).then(() => sendMissing(session, files, process, progress));
  sending.set(session, sent.catch(() => {}));
  return sent;
}

async function sendMissing(session: AgentSession, files: readonly LocalFile[], process: number, progress: TransferProgress): Promise<void> {
  const there = (await session.request("have", { process, files: [...new Set(files.map(({ sha256 }) => sha256))] })).files;
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const file of files) {
    const before = there[file.sha256] ?? 0;
    if (before !== -1) {
      await sendFile(session, file, process, Math.min(before, file.bytes), (bytes) => progress(done + bytes, total));
      there[file.sha256] = -1;
    }
    progress(done += file.bytes, total);
  }
}

async function sendFile(session: AgentSession, { path, bytes, sha256, name }: LocalFile, process: number, from: number, progress: (done: number) => void): Promise<void> {
  const file = await open(path, "r");
  const waiting = new Set<Promise<unknown>>();
  let refused: unknown = null;
  try {
    for (let offset = from; refused === null && (offset < bytes || bytes === 0);) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, bytes - offset)), { bytesRead } = await file.read(chunk, 0, chunk.length, offset);
      if (bytesRead === 0 && bytes > 0) throw new Error(`${path} became shorter while it was sent; try again.`);
      const put = session.request("put", { process, sha256, offset, data: chunk.toString("base64", 0, bytesRead) }).catch((error: unknown) => { refused ??= error; }).finally(() => waiting.delete(put));
      waiting.add(put);
      if (waiting.size >= IN_FLIGHT) await Promise.race(waiting);
      progress(offset += bytesRead);
      if (bytes === 0) break;
    }
    await Promise.all(waiting);
    if (refused !== null) throw refused;
  } finally {
    await file.close();
  }
  try {
    // The host reads it once more: that takes its time.
    await session.request("seal", { process, sha256 }, { seconds: 60 + bytes / 20e6 });
  } catch (error) {
    // A file that was changed while it was sent, or begun by a version of it that is gone.
    if (error instanceof HostError && error.code === "damaged") throw new HostError(`${name} arrived on ${session.host} with other content than it has here; start again.`, "damaged");
    throw error;
  }
}

/** Fetches a file of a run; a part that is here already is not fetched again. @throws HostError; an Error where its sum is wrong */
export async function fetchFile(session: AgentSession, run: { directory: string; name: string }, wanted: { bytes: number; sha256: string }, target: string, progress: (done: number) => void = () => {}): Promise<void> {
  const part = `${target}.part`;
  let offset = existsSync(part) ? Math.min(statSync(part).size, wanted.bytes) : 0;
  const file = await open(part, existsSync(part) ? "r+" : "wx+", 0o600);
  try {
    await file.truncate(offset);
    const waiting: { at: number; answer: ReturnType<typeof read> }[] = [];
    const read = (at: number) => session.request("read", { ...run, offset: at, length: Math.min(CHUNK_BYTES, wanted.bytes - at) });
    for (let next = offset; offset < wanted.bytes;) {
      for (; next < wanted.bytes && waiting.length < IN_FLIGHT; next += CHUNK_BYTES) {
        const answer = read(next);
        answer.catch(() => {});
        waiting.push({ at: next, answer });
      }
      const { at, answer } = waiting.shift()!, data = Buffer.from((await answer).data, "base64");
      if (data.length !== Math.min(CHUNK_BYTES, wanted.bytes - at)) throw new Error(`${run.name} on ${session.host} is shorter than its checkpoint says; it can't be used.`);
      await file.write(data, 0, data.length, at);
      progress(offset = at + data.length);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (await sha256Of(part) !== wanted.sha256) {
    rmSync(part);
    throw new Error(`${run.name} of ${session.host} does not match its checksum; it was not kept. Try again.`);
  }
  renameSync(part, target);
}
