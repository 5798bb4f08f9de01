// A worker thread with its own read-only connection: heavy queries never hold the backend's event loop.
import { parentPort, workerData } from "node:worker_threads";
import { openReadable } from "./database.ts";
import { exportRun } from "./exportRows.ts";
import { readRoutingHistory } from "./routingRows.ts";
import { readSeries } from "./series.ts";

/** What a reader answers. Each takes the connection first. */
const queries = { series: readSeries, routingHistory: readRoutingHistory, exportRun };
export type ReaderQueries = typeof queries;
export interface ReaderRequest { id: number; name: keyof ReaderQueries; args: unknown[] }
export type ReaderReply = { id: number; result: unknown } | { id: number; error: { message: string; code: string | null } };

const db = openReadable((workerData as { file: string }).file);
parentPort!.on("message", ({ id, name, args }: ReaderRequest) => {
  try {
    const query = queries[name] as (...all: unknown[]) => unknown;
    parentPort!.postMessage({ id, result: query(db, ...args) } satisfies ReaderReply);
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    parentPort!.postMessage({ id, error: { message, code: code ?? null } } satisfies ReaderReply);
  }
});
