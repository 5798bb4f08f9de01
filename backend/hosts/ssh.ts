// The system's ssh, started with an argument array: keys, agents, certificates, jump hosts and configuration are its own work.
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { HostTarget, SshFailure } from "../../contract/hosts.ts";
import { failureOf } from "./sshFailure.ts";

/** How a person is asked while ssh logs in: a program that ssh calls with the question. */
export interface Asking {
  program: string;
  environment: Record<string, string>;
  /** Options of ssh that go with asking. */
  options: readonly string[];
}

export interface SshOptions {
  /** What the person calls the host, for sentences; its address when left out. */
  name?: string;
  /** Folder of connection sharing, of at most 40 bytes (controlFolder.ts); null gives each process its own connection. */
  controlFolder: string | null;
  /** In place of ~/.ssh/config and /etc/ssh/ssh_config; left out, SWITCHYARD_SSH_CONFIG, and without it those. */
  configFile?: string | null;
  /** Asks the person. Left out, ssh asks nobody and fails where it would have to. */
  asking?: Asking;
  /** The program; "ssh" of PATH when left out. */
  program?: string;
}

/** How a channel ended. `failure` is null when the remote command ran and ended with `code`. */
export interface ChannelEnd { code: number | null; signal: NodeJS.Signals | null; failure: SshFailure | null }

/** A remote command's streams. */
export interface Channel {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** The end of what ssh and the remote command said on standard error. */
  stderr(): string;
  /** Resolves once the process is gone; never rejects. */
  readonly closed: Promise<ChannelEnd>;
  /** Ends the local process. What runs on the host sees its streams close. */
  kill(): void;
}

/** Seconds until a host that says nothing counts as unreachable. */
export const CONNECT_SECONDS = 15;
/** Seconds that a shared connection outlives its last use. */
const PERSIST_SECONDS = 600;
const STDERR_BYTES = 16 * 1024;
/** A background process that kept a stream open must not hold up the end. */
const DRAIN_MILLISECONDS = 500;

export const sshConfigFile = (): string | null => process.env["SWITCHYARD_SSH_CONFIG"] || null;

/** Where `-F` points to and how the target is named: what `ssh` and `ssh -G` have in common. */
export function targetArguments(target: HostTarget, configFile: string | null): string[] {
  const { address, user, port, identityFile, jump, hostKeyAlias } = target;
  for (const part of [address, user, jump]) if (part?.startsWith("-")) throw new Error(`"${part}" begins with a dash, so ssh would take it for an option.`);
  // Who names a key means that one: an agent full of others would use up the host's patience first.
  return [
    ...(configFile ? ["-F", configFile] : []),
    ...(user ? ["-l", user] : []), ...(port ? ["-p", String(port)] : []), ...(identityFile ? ["-i", identityFile, "-o", "IdentitiesOnly=yes"] : []), ...(jump ? ["-J", jump] : []),
    ...(hostKeyAlias ? ["-o", `HostKeyAlias=${hostKeyAlias}`] : []),
  ];
}

/** The socket of the connection shared by all processes that go to this target by the same way. */
export function controlPath(folder: string, { address, user, port, identityFile, jump, hostKeyAlias }: HostTarget): string {
  return join(folder, createHash("sha256").update(JSON.stringify([address, user, port, identityFile, jump, hostKeyAlias])).digest("hex").slice(0, 16));
}

/** All arguments of ssh for one remote command. */
export function sshArguments(target: HostTarget, command: string, { controlFolder, configFile = sshConfigFile(), asking }: SshOptions): string[] {
  const option = (text: string) => ["-o", text];
  return [
    "-T",
    ...option("ServerAliveInterval=15"), ...option("ServerAliveCountMax=3"), ...option(`ConnectTimeout=${CONNECT_SECONDS}`),
    ...option("ForwardAgent=no"), ...option("ForwardX11=no"), ...option("ClearAllForwardings=yes"),
    ...option("PermitLocalCommand=no"), ...option("RemoteCommand=none"), ...option("RequestTTY=no"),
    // A quieter one would leave a failure without its reason.
    ...option("LogLevel=INFO"),
    ...option(asking ? "BatchMode=no" : "BatchMode=yes"), ...(asking?.options ?? []).flatMap(option),
    ...(controlFolder
      ? [...option("ControlMaster=auto"), ...option(`ControlPersist=${PERSIST_SECONDS}`), ...option(`ControlPath=${controlPath(controlFolder, target)}`)]
      : [...option("ControlMaster=no"), ...option("ControlPath=none")]),
    ...targetArguments(target, configFile), "--", target.address, command,
  ];
}

/** A jump host's own ssh knows no BatchMode of ours: it gets a program that never answers. */
const NOBODY: Asking = { program: "/bin/false", environment: {}, options: [] };

/** Variables for ssh: it asks our program, or nobody, and never a terminal. */
export function sshEnvironment(asking: Asking | undefined): NodeJS.ProcessEnv {
  const { program, environment } = asking ?? NOBODY;
  // Before OpenSSH 8.4 the program was used only where a display was named.
  return { ...process.env, DISPLAY: process.env["DISPLAY"] || ":", ...environment, SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: "force" };
}

/**
 * Runs a command on a host. The remote shell reads it, so it holds nothing that came from elsewhere.
 * @throws an Error where the target can't be one
 */
export function openChannel(target: HostTarget, command: string, options: SshOptions): Channel {
  const child = spawn(options.program ?? "ssh", sshArguments(target, command, options), {
    stdio: ["pipe", "pipe", "pipe"], env: sshEnvironment(options.asking),
    // Its own session: without a terminal nothing can ask there, and Ctrl-C reaches us first.
    detached: true,
  });
  return channelOf(child, (stderr, code, missing) => failureOf(options.name ?? target.address, stderr, code, missing));
}

/** The channel of a started process; `fails` says what its end means. */
export function channelOf(child: ChildProcess, fails: (stderr: string, code: number | null, missing: boolean) => SshFailure | null): Channel {
  let stderr = Buffer.alloc(0), killed = false;
  child.stderr!.on("data", (data: Buffer) => {
    stderr = Buffer.concat([stderr, data]);
    if (stderr.length > STDERR_BYTES) stderr = Buffer.from(stderr.subarray(stderr.length - STDERR_BYTES));
  });
  // The end says more than a broken pipe.
  for (const stream of [child.stdin!, child.stdout!, child.stderr!]) stream.on("error", () => {});
  const closed = new Promise<ChannelEnd>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null, missing = false) =>
      resolve({ code, signal, failure: killed ? null : fails(stderr.toString("utf8"), code, missing) });
    child.once("error", (error: NodeJS.ErrnoException) => end(null, null, error.code === "ENOENT"));
    child.once("close", (code, signal) => end(code, signal));
    child.once("exit", (code, signal) => setTimeout(() => end(code, signal), DRAIN_MILLISECONDS).unref());
  });
  return {
    pid: child.pid, stdin: child.stdin!, stdout: child.stdout!, stderr: () => stderr.toString("utf8"), closed,
    kill: () => {
      killed = true;
      child.kill("SIGTERM");
    },
  };
}

/** Runs a command to its end with all of its input given. Output beyond `limit` bytes ends it. */
export async function runOnHost(target: HostTarget, command: string, options: SshOptions, { input = "", limit = 1 << 20, seconds = 60 } = {}): Promise<ChannelEnd & { stdout: string; stderr: string; cut: boolean; timedOut: boolean }> {
  const channel = openChannel(target, command, options);
  const parts: Buffer[] = [];
  let bytes = 0, cut = false, timedOut = false;
  channel.stdout.on("data", (data: Buffer) => {
    if (cut) return;
    parts.push(data.subarray(0, limit - bytes));
    bytes += data.length;
    if (bytes > limit) {
      cut = true;
      channel.kill();
    }
  });
  const timer = setTimeout(() => {
    timedOut = true;
    channel.kill();
  }, seconds * 1000);
  channel.stdin.end(input);
  const end = await channel.closed;
  clearTimeout(timer);
  return { ...end, stdout: Buffer.concat(parts).toString("utf8"), stderr: channel.stderr(), cut, timedOut };
}
