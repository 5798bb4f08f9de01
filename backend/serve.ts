// The backend as a program: node backend/serve.ts [--home DIR] [--port N] [--renderer DIR]
// Prints one line of JSON when it is ready and runs until SIGTERM. A second one for the same home prints the line of the
// first and ends.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { setTimeout as wait } from "node:timers/promises";
import { takeLock, type Lock } from "../db/lock.ts";
import { newToken } from "./access.ts";
import { Application } from "./application.ts";
import { createHome, homeAt, type Home } from "./home.ts";
import { lastReady, readyLine, removeReady, runningBackend, writeReady } from "./readyFile.ts";
import { BackendServer } from "./server.ts";
import { VERSION } from "./version.ts";

export interface ServeOptions { home: Home; port: number; renderer: string }

/** Another program that holds the lock for a moment, such as the CLI, is waited for this long. */
const LOCK_MILLISECONDS = 15_000;

/** Serves a home until the process is told to end. */
export async function serve({ home, port, renderer }: ServeOptions): Promise<void> {
  createHome(home);
  const lock = await lockOrRunning(home, port);
  if (!lock) return;
  const previous = lastReady(home);
  const application = new Application({ home });
  // A backend that was killed left its file: its windows find the next one at the same port with the same token.
  const token = previous?.token ?? newToken();
  const server = new BackendServer({ application, token, renderer });
  try {
    await listen(server, port, previous?.port ?? 0);
  } catch (error) {
    await application.close();
    lock.release();
    throw error;
  }
  writeReady(home, { port: server.port, token, version: VERSION });
  let ending = false;
  const end = async () => {
    if (ending) return;
    ending = true;
    removeReady(home);
    await server.close();
    await application.close();
    lock.release();
    process.exit(0);
  };
  process.on("SIGTERM", () => void end());
  process.on("SIGINT", () => void end());
  // What reads the ready line may go away; that is no reason to end.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  process.stdout.write(`${readyLine({ port: server.port, token, pid: process.pid })}\n`);
}

async function listen(server: BackendServer, port: number, previousPort: number): Promise<void> {
  if (port === 0 && previousPort !== 0) {
    try {
      return await server.listen(previousPort);
    } catch {
      // Taken meanwhile: any other port will do.
    }
  }
  await server.listen(port);
}

/** The lock, or null when a running backend's line was printed instead. */
async function lockOrRunning(home: Home, port: number): Promise<Lock | null> {
  for (let waited = 0; ; waited += 50) {
    const lock = takeLock(home.lock);
    if (lock) return lock;
    const running = runningBackend(home);
    if (running) {
      const instead = port !== 0 && port !== running.port ? `; port ${port} is not used` : "";
      process.stderr.write(`Switchyard already serves ${home.directory} at http://127.0.0.1:${running.port}/ (process ${running.pid})${instead}. End that one first to serve it elsewhere.\n`);
      process.stdout.write(`${readyLine(running)}\n`);
      return null;
    }
    if (waited >= LOCK_MILLISECONDS) throw new Error(`Another program is using ${home.directory}; wait for it to finish, or choose another folder with --home.`);
    await wait(50);
  }
}

/** A port number from the command line. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65535) throw new Error(`"${text}" is not a port: give a number from 1 to 65535, or 0 for any free one.`);
  return port;
}

export const RENDERER = fileURLToPath(new URL("../dist/renderer", import.meta.url));

if (import.meta.main) {
  try {
    const { values } = parseArgs({ options: { home: { type: "string" }, port: { type: "string", default: "0" }, renderer: { type: "string", default: RENDERER } } });
    await serve({ home: homeAt(values.home), port: parsePort(values.port), renderer: values.renderer });
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}
