// The backend of a home: the running one over its WebSocket, otherwise the same code in this process under the lock.
import { setTimeout as wait } from "node:timers/promises";
import { Client, RequestError } from "../contract/client.ts";
import type { Arguments, Push, RequestName, Result, Topic, TopicArguments } from "../contract/handlers.ts";
import { Application } from "../backend/application.ts";
import { createHome, type Home } from "../backend/home.ts";
import { toWireError } from "../backend/personError.ts";
import { runningBackend } from "../backend/readyFile.ts";
import { takeLock } from "../db/lock.ts";
import { onSlowQuery } from "../db/slowQueries.ts";

export interface Backend {
  send<K extends RequestName>(name: K, args: Arguments<K>): Promise<Result<K>>;
  /** Calls `onPush` with what is pushed, until the returned function is called. */
  follow<T extends Topic>(topic: T, args: TopicArguments<T>, onPush: (push: Push<T>) => void): () => void;
}

/** A backend's process runs and does not answer. */
export class BackendSilent extends Error {}

const PATIENCE_MILLISECONDS = 15_000;

/** Runs `work` with a backend whose database has everything that the run directories hold. */
export async function withBackend<T>(home: Home, work: (backend: Backend) => Promise<T>): Promise<T> {
  createHome(home);
  for (let waited = 0; ; waited += 50) {
    const running = runningBackend(home);
    if (running) return overSocket(running, work);
    const lock = takeLock(home.lock);
    if (lock) {
      try {
        return await inProcess(home, work);
      } finally {
        lock.release();
      }
    }
    if (waited >= PATIENCE_MILLISECONDS) throw new Error(`Another program is using ${home.directory} and does not answer; wait for it to finish, or choose another folder with --home.`);
    await wait(50);
  }
}

async function overSocket<T>({ port, token, pid }: { port: number; token: string; pid: number }, work: (backend: Backend) => Promise<T>): Promise<T> {
  const client = new Client({ url: `ws://127.0.0.1:${port}/socket`, token, openSocket: (url) => new WebSocket(url) });
  const timer = setTimeout(() => client.close(), PATIENCE_MILLISECONDS);
  try {
    await client.connected().catch((error: Error) => {
      throw client.connection.state === "refused" ? new Error(error.message) : new BackendSilent(`The backend at port ${port} runs but does not answer; end process ${pid} and try again.`);
    });
    clearTimeout(timer);
    return await work({ send: (name, args) => client.send(name, args), follow: (topic, args, onPush) => client.subscribe(topic, args, onPush) });
  } finally {
    clearTimeout(timer);
    client.close();
  }
}

async function inProcess<T>(home: Home, work: (backend: Backend) => Promise<T>): Promise<T> {
  // There is no interface that one could hold up.
  onSlowQuery(() => {});
  // Runs on other machines are looked at where the command is about them.
  const application = new Application({ home, watchHosts: false });
  try {
    await application.caughtUp;
    return await work({
      // Errors look the same whichever way the request went.
      send: (name, args) => application.send(name, args).catch((error: unknown) => { throw new RequestError(toWireError(error, name)); }),
      follow: (topic, args, onPush) => application.follow(topic, args, { push: (push) => onPush(push as never), congested: () => false, fail: () => {} }),
    });
  } finally {
    await application.close();
  }
}
