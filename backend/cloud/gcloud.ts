// The person's own gcloud, started with an argument array: their login, configuration and proxies are its work. Each call is a short look or a short order.
import { spawn } from "node:child_process";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { PersonError } from "../personError.ts";
import { gcloudFailure } from "./gcloudFailure.ts";

/** A list of some thousand TPU VMs. */
const MOST_BYTES = 8 << 20;
const STDERR_BYTES = 64 << 10;
/** From SIGTERM to SIGKILL, and how long a stream may stay open after the end. */
const GRACE_MILLISECONDS = 2000;

export interface GcloudOptions {
  /** Given up after this. */
  seconds: number;
  /** Ends it early. */
  signal?: AbortSignal;
}

/** Runs gcloud to its end and returns its standard output. @throws PersonError for whatever goes wrong, in one sentence with the remedy */
export async function runGcloud(args: readonly string[], { seconds, signal }: GcloudOptions): Promise<string> {
  // Its installer tells only the shell of terminals where it lies, and a window is not started by that.
  const path = [process.env["PATH"] ?? "", join(homedir(), "google-cloud-sdk/bin")].filter(Boolean).join(delimiter);
  // gcloud is a script that starts Python: both are in a group of their own, which is ended as one.
  const child = spawn("gcloud", args, { stdio: ["ignore", "pipe", "pipe"], detached: true, env: { ...process.env, PATH: path, CLOUDSDK_CORE_DISABLE_PROMPTS: "1", CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "1" } });
  const out: Buffer[] = [];
  let bytes = 0, said = Buffer.alloc(0), reason: string | null = null;
  const end = (why: string) => {
    if (reason !== null || child.pid === undefined) return;
    reason = why;
    endGroup(child.pid, "SIGTERM");
    setTimeout(() => endGroup(child.pid!, "SIGKILL"), GRACE_MILLISECONDS).unref();
  };
  const timer = setTimeout(() => end(`gcloud gave no answer within ${seconds} s and was ended; what it was told may have been done all the same.`), seconds * 1000);
  const cancelled = () => end("gcloud was ended before it answered.");
  child.stdout.on("data", (data: Buffer) => {
    bytes += data.length;
    if (bytes > MOST_BYTES) end(`gcloud answered with more than ${MOST_BYTES >> 20} MiB, so it was ended.`);
    else out.push(data);
  });
  child.stderr.on("data", (data: Buffer) => { said = Buffer.from(Buffer.concat([said, data]).subarray(-STDERR_BYTES)); });
  signal?.addEventListener("abort", cancelled);
  if (signal?.aborted) cancelled();
  try {
    const { code, missing } = await new Promise<{ code: number | null; missing: boolean }>((resolve) => {
      child.once("error", (error: NodeJS.ErrnoException) => resolve({ code: null, missing: error.code === "ENOENT" || error.code === "EACCES" }));
      child.once("close", (code) => resolve({ code, missing: false }));
      child.once("exit", (code) => setTimeout(() => resolve({ code, missing: false }), GRACE_MILLISECONDS).unref());
    });
    const detail = said.toString("utf8");
    if (reason !== null) throw new PersonError(reason, { detail });
    if (code !== 0) throw gcloudFailure(args, detail, missing);
    return Buffer.concat(out).toString("utf8");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancelled);
  }
}

function endGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // All of it had ended.
  }
}
