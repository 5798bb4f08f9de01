// The pool of reader threads.
import { Worker } from "node:worker_threads";
import type { ReaderQueries, ReaderReply, ReaderRequest } from "./readerThread.ts";

type QueryArguments<K extends keyof ReaderQueries> = Parameters<ReaderQueries[K]> extends [unknown, ...infer Rest] ? Rest : never;

interface Reader { worker: Worker; waiting: Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }> }

/** Threads that answer heavy queries; started at the first one. */
export class Readers {
  #file: string;
  #size: number;
  #readers: Reader[] = [];
  #nextId = 1;
  #closed = false;

  constructor(file: string, size = 2) {
    this.#file = file;
    this.#size = size;
  }

  /** Runs a query on the thread with the least to do. */
  query<K extends keyof ReaderQueries>(name: K, ...args: QueryArguments<K>): Promise<ReturnType<ReaderQueries[K]>> {
    if (this.#closed) return Promise.reject(new Error("The backend is shutting down."));
    const reader = this.#idlest();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      reader.waiting.set(id, { resolve: resolve as (value: never) => void, reject });
      reader.worker.postMessage({ id, name, args } satisfies ReaderRequest);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const readers = this.#readers;
    this.#readers = [];
    await Promise.all(readers.map(({ worker }) => worker.terminate()));
  }

  #idlest(): Reader {
    const free = this.#readers.find(({ waiting }) => waiting.size === 0);
    if (free) return free;
    if (this.#readers.length < this.#size) return this.#start();
    return this.#readers.reduce((least, reader) => (reader.waiting.size < least.waiting.size ? reader : least));
  }

  #start(): Reader {
    const reader: Reader = { worker: new Worker(new URL("./readerThread.ts", import.meta.url), { workerData: { file: this.#file } }), waiting: new Map() };
    reader.worker.unref();
    reader.worker.on("message", (reply: ReaderReply) => {
      const request = reader.waiting.get(reply.id);
      reader.waiting.delete(reply.id);
      if ("error" in reply) request?.reject(Object.assign(new Error(reply.error.message), { code: reply.error.code }));
      else request?.resolve(reply.result as never);
    });
    // A thread that dies takes its queries with it, not the backend; the next query starts another.
    const lost = (error: Error) => {
      this.#readers = this.#readers.filter((other) => other !== reader);
      for (const { reject } of reader.waiting.values()) reject(error);
      reader.waiting.clear();
    };
    reader.worker.on("error", lost);
    reader.worker.on("exit", () => lost(new Error("A reader thread of the database ended.")));
    this.#readers.push(reader);
    return reader;
  }
}
