// The copy of another trainer's log in a run directory: its files by names of our own, appended as they grow.
import { createHash } from "node:crypto";
import { closeSync, existsSync, ftruncateSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { LogFormat } from "../../contract/runSpec.ts";
import type { AgentSession } from "./agentSession.ts";
import type { Mark } from "./mirrorFiles.ts";
import { leaveRoom } from "./diskRoom.ts";

/** Folder of the copy in the run directory. */
export const LOG_FOLDER = "log";
/** The one file of a log of lines. */
export const TEXT_LOG = "lines";
const MARK_BYTES = 4096;

/** A name that keeps what orders event files, when they were begun, and nothing else that the host chose. */
export function copiedName(format: LogFormat, name: string): string {
  if (format !== "tensorboard") return TEXT_LOG;
  const begun = /tfevents\.(\d{1,12})/.exec(name)?.[1] ?? "0";
  return `tfevents.${begun}.${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;
}

/** Takes what is new in a log of a host. Returns the bytes that came. @throws HostError; an Error with a sentence where this disk is nearly full */
export async function copyLog(session: AgentSession, path: string, format: LogFormat, folder: string): Promise<number> {
  const { logs } = await session.request("find", { root: path, depth: 0 });
  const log = logs.find((one) => one.path === path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let taken = 0;
  for (const [name, size] of log?.files ?? []) taken += await copyFile(session, format === "tensorboard" ? `${path}/${name}` : path, size, join(folder, copiedName(format, name)));
  return taken;
}

async function copyFile(session: AgentSession, path: string, listed: number, file: string): Promise<number> {
  const descriptor = openSync(file, existsSync(file) ? "r+" : "wx+", 0o600);
  try {
    let size = fstatSync(descriptor).size, taken = 0;
    if (size === listed) return 0;
    for (;;) {
      const answer = await session.request("tail", { path, offset: size, marks: marksOf(descriptor, size) }), data = Buffer.from(answer.data, "base64");
      if (!answer.same) {
        ftruncateSync(descriptor, 0);
        size = 0;
      }
      leaveRoom(file, data.length);
      for (let done = 0; done < data.length;) done += writeSync(descriptor, data, done, data.length - done, size + done);
      size += data.length;
      taken += data.length;
      if (data.length === 0 || size >= answer.size) return taken;
    }
  } finally {
    closeSync(descriptor);
  }
}

function marksOf(descriptor: number, size: number): Mark[] {
  const length = Math.min(MARK_BYTES, size);
  return length === 0 ? [] : [0, size - length].map((place) => {
    const bytes = Buffer.alloc(length);
    readSync(descriptor, bytes, 0, length, place);
    return [place, length, createHash("sha256").update(bytes).digest("hex")];
  });
}
