// backend.json: where the backend of a home listens, for its owner's other programs.
import { rmSync } from "node:fs";
import { hostname } from "node:os";
import { z } from "zod";
import { writeJson } from "./atomicFile.ts";
import type { Home } from "./home.ts";
import { bootId, processState, startTicks } from "./runs/processState.ts";
import { readJson } from "../trainer/run/jsonFile.ts";

export const ReadyFile = z.object({
  v: z.literal(1), port: z.int().min(1).max(65535), token: z.string().min(20).max(200), version: z.string(),
  pid: z.int().min(1), startTicks: z.string(), bootId: z.string(), host: z.string(),
});
export type ReadyFile = z.output<typeof ReadyFile>;

export function writeReady(home: Home, { port, token, version }: Pick<ReadyFile, "port" | "token" | "version">): void {
  writeJson(home.backend, ReadyFile.parse({
    v: 1, port, token, version, pid: process.pid, startTicks: startTicks(process.pid), bootId: bootId(), host: hostname(),
  }), 0o600);
}

/** The file a backend left, whether it still runs or not. */
export const lastReady = (home: Home): ReadyFile | null => readJson(home.backend, ReadyFile);

/** The backend that serves this home now, or null. */
export function runningBackend(home: Home): ReadyFile | null {
  const file = lastReady(home);
  return file && processState(file) === "alive" ? file : null;
}

export const removeReady = (home: Home): void => rmSync(home.backend, { force: true });

/** The one line that `serve` prints. */
export const readyLine = ({ port, token, pid }: Pick<ReadyFile, "port" | "token" | "pid">): string =>
  JSON.stringify({ ready: true, port, token, pid, url: `http://127.0.0.1:${port}/#token=${token}` });
