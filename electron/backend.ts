// The backend as the shell sees it: a process that prints one ready line, and two questions over HTTP.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { z } from "zod";

const readySchema = z.object({
  ready: z.literal(true),
  port: z.int().min(1).max(65535),
  token: z.string().min(16),
  pid: z.int().positive(),
  url: z.url({ protocol: /^http$/, hostname: /^127\.0\.0\.1$/ }),
});

const activeRunsSchema = z.object({ runs: z.array(z.object({ id: z.string(), name: z.string(), host: z.string().nullable().default(null) })) });
export type ActiveRun = z.output<typeof activeRunsSchema>["runs"][number];

export interface BackendOptions {
  /** Root of the application: where backend/ lies. */
  root: string;
  /** Node 24, which runs the backend. */
  node: string;
  /** Folder of database and runs; the backend's default when absent. */
  home?: string | undefined;
  /** Folder of the built interface. */
  renderer: string;
  /** 0 for any free port. */
  port?: number;
  /** How long it may take until the ready line, in milliseconds. */
  timeout?: number;
}

export interface Backend {
  /** Page to open; its fragment holds the token. */
  readonly url: string;
  /** Scheme, host and port of `url`. */
  readonly origin: string;
  /** Whether it was started here; false for one that served this home before. */
  readonly own: boolean;
  /** Runs that are going. */
  activeRuns(): Promise<ActiveRun[]>;
  /** Asks all runs to save a checkpoint and end. */
  stopAllRuns(): Promise<void>;
  /** Ends the backend if it was started here; one that ran before goes on. Runs go on either way. */
  stop(): Promise<void>;
  /** Resolves with a sentence when a backend that was started here ends without being told to. */
  readonly failed: Promise<string>;
}

/**
 * Starts the backend and waits for its ready line. Where one already serves this home, it prints that one's line and
 * ends, and the window simply opens on it.
 * @throws with the backend's own last words when it ends before it is ready
 */
export async function startBackend({ root, node, home, renderer, port = 0, timeout = 30_000 }: BackendOptions): Promise<Backend> {
  const child = spawn(node, [
    "backend/serve.ts", ...(home === undefined ? [] : ["--home", home]), "--port", String(port), "--renderer", renderer,
  ], { cwd: root, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const words: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    words.push(line);
    if (words.length > 20) words.shift();
    process.stderr.write(`backend: ${line}\n`);
  });

  let stopping = false;
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(words.at(-1) ?? `it ended with ${signal ?? `exit code ${code}`}`));
  });
  const firstLine = new Promise<string>((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
  const tooLate = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`The backend did not get ready in ${timeout / 1000} s.`)), timeout).unref();
  });

  let ready: z.output<typeof readySchema>;
  try {
    const line = await Promise.race([firstLine, tooLate, ended.then((why) => Promise.reject(new Error(`The backend could not start: ${why}`)))]);
    ready = readySchema.parse(JSON.parse(line));
  } catch (error) {
    child.kill("SIGTERM");
    if (error instanceof z.ZodError || error instanceof SyntaxError) throw new Error("The backend could not start: its first line is not the one this version expects.", { cause: error });
    throw error;
  }

  const own = ready.pid === child.pid;
  const origin = new URL(ready.url).origin;
  const ask = async (path: string, method: "GET" | "POST") => {
    const response = await fetch(origin + path, { method, headers: { Authorization: `Bearer ${ready.token}` }, signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error(`The backend answered ${path} with status ${response.status}.`);
    return await response.json() as unknown;
  };
  return {
    url: ready.url,
    origin,
    own,
    activeRuns: async () => activeRunsSchema.parse(await ask("/api/active-runs", "GET")).runs,
    stopAllRuns: async () => void await ask("/api/stop-all", "POST"),
    async stop() {
      if (!own || stopping) return;
      stopping = true;
      child.kill("SIGTERM");
      const force = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(force);
    },
    failed: new Promise((resolve) => {
      if (own) void ended.then((why) => { if (!stopping) resolve(`The backend ended: ${why}`); });
    }),
  };
}
