// Ports of hosts at free ports of 127.0.0.1, through the shared connection of each host.
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { connect, createServer } from "node:net";
import { promisify } from "node:util";
import type { Forward, HostTarget } from "../../contract/hosts.ts";
import { PersonError } from "../personError.ts";
import { cleanOutput } from "../runs/output.ts";
import { controlPath } from "./ssh.ts";

const execute = promisify(execFile);
/** Another program may take a free port before ssh does. */
const TRIES = 3;
/** ssh closes the local end at once where nothing listens on the host; what stays open this long is answered. */
const ANSWER_MILLISECONDS = 1500;

/** Speaks to the process that holds the connection. The configuration is left out: its own forwards were asked for by nobody here. */
async function control(folder: string, target: HostTarget, command: "check" | "exit" | "forward" | "cancel", more: readonly string[] = []): Promise<string | null> {
  try {
    await execute("ssh", ["-F", "/dev/null", "-o", `ControlPath=${controlPath(folder, target)}`, "-O", command, ...more, "--", target.address], { timeout: 10_000 });
    return null;
  } catch (error) {
    return cleanOutput((error as { stderr?: string }).stderr || (error as Error).message).trim().slice(0, 400);
  }
}

/** Whether a shared connection to the target is there. */
export const isShared = async (folder: string, target: HostTarget): Promise<boolean> => (await control(folder, target, "check")) === null;
/** Ends the shared connection, and with it whatever goes through it. */
export const endShared = (folder: string, target: HostTarget): Promise<string | null> => control(folder, target, "exit");

/** @param name what the person calls the host @throws PersonError in one sentence */
export async function openForward(folder: string, target: HostTarget, name: string, remotePort: number, label: string): Promise<Forward> {
  let said: string | null = null;
  for (let tries = 0; tries < TRIES; tries++) {
    const localPort = await freePort();
    said = await control(folder, target, "forward", ["-L", between(localPort, remotePort)]);
    if (said === null) return {
      id: randomUUID(), host: name, label: label || `port ${remotePort}`, remotePort, localPort, url: `http://127.0.0.1:${localPort}/`, since: Date.now() / 1000, answers: await answers(localPort),
    };
  }
  throw new PersonError(`Port ${remotePort} of ${name} could not be forwarded; look whether the host allows it (AllowTcpForwarding in its sshd_config).`, { detail: said ?? "" });
}

export const closeForward = (folder: string, target: HostTarget, { localPort, remotePort }: Forward): Promise<string | null> =>
  control(folder, target, "cancel", ["-L", between(localPort, remotePort)]);

const between = (localPort: number, remotePort: number) => `127.0.0.1:${localPort}:localhost:${remotePort}`;

/** Whether something listens at the other end. */
export function answers(localPort: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(localPort, "127.0.0.1");
    const timer = setTimeout(() => done(true), ANSWER_MILLISECONDS);
    const done = (yes: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(yes);
    };
    socket.once("data", () => done(true)).once("error", () => done(false)).once("end", () => done(false)).once("close", () => done(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
