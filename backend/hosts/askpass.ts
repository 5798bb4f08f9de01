// Questions of ssh on their way to a person. ssh starts a program with the question; it comes here over a socket that only this
// person can open, with the token of the login that it belongs to. Answers pass through and are kept nowhere.
import { randomBytes, randomUUID } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { HostPrompt } from "../../contract/hosts.ts";
import { tokensMatch } from "../access.ts";
import { PersonError } from "../personError.ts";
import { cleanOutput } from "../runs/output.ts";
import { hostKeyQuestion } from "./hostKeys.ts";
import type { Asking } from "./ssh.ts";

const PROGRAM = fileURLToPath(new URL("./askpass", import.meta.url));
const SCRIPT = fileURLToPath(new URL("./askpassProgram.ts", import.meta.url));
const Question = z.object({ token: z.string(), hint: z.string().max(100), text: z.string() });
const MOST_QUESTION_BYTES = 64 * 1024;
const LONGEST_TEXT = 3000;

/** sshd gives a login 2 minutes by default; a question that nobody answers ends with it. */
export const ANSWER_SECONDS = 120;

interface Login { host: string; token: string; declined: boolean }
interface Waiting { prompt: HostPrompt; login: Login; answer(text: string | null): void }

export interface LoginAsking extends Asking {
  /** Whether a question of this login was declined or not answered in time. */
  declined(): boolean;
  /** No more questions: those that wait are withdrawn. */
  end(): void;
}

export class Askpass {
  readonly #folder: () => string;
  readonly #changed: () => void;
  readonly #seconds: number;
  #server: Promise<Server> | null = null;
  #logins = new Set<Login>();
  #waiting = new Map<string, Waiting>();

  /** @param folder gives a folder that only this person may enter @param changed called when the questions change */
  constructor(folder: () => string, changed: () => void, seconds = ANSWER_SECONDS) {
    this.#folder = folder;
    this.#changed = changed;
    this.#seconds = seconds;
  }

  /** A name of its own: the command line may ask for the same home while the window does. */
  get #socketPath(): string {
    return join(this.#folder(), `ask-${process.pid}`);
  }

  /** What waits for an answer, oldest first. */
  get prompts(): HostPrompt[] {
    return [...this.#waiting.values()].map(({ prompt }) => prompt);
  }

  /** Lets the login to a host ask. */
  async begin(host: string, options: readonly string[]): Promise<LoginAsking> {
    this.#server ??= this.#listen();
    await this.#server;
    const login: Login = { host, token: randomBytes(32).toString("base64url"), declined: false };
    this.#logins.add(login);
    return {
      program: PROGRAM, options,
      environment: { SWITCHYARD_ASKPASS_NODE: process.execPath, SWITCHYARD_ASKPASS_PROGRAM: SCRIPT, SWITCHYARD_ASKPASS_SOCKET: this.#socketPath, SWITCHYARD_ASKPASS_TOKEN: login.token },
      declined: () => login.declined,
      end: () => {
        this.#logins.delete(login);
        for (const waiting of [...this.#waiting.values()]) if (waiting.login === login) waiting.answer(null);
      },
    };
  }

  /** @throws PersonError where the question is gone */
  answer(id: string, answer: string | null): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) throw new PersonError("The question was answered or withdrawn meanwhile; check the host again.");
    if (answer === null) waiting.login.declined = true;
    waiting.answer(answer);
  }

  async close(): Promise<void> {
    for (const { answer } of [...this.#waiting.values()]) answer(null);
    if (!this.#server) return;
    (await this.#server).close();
    rmSync(this.#socketPath, { force: true });
  }

  #listen(): Promise<Server> {
    rmSync(this.#socketPath, { force: true });
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true }, (socket) => this.#hear(socket));
      server.once("error", reject);
      server.listen(this.#socketPath, () => {
        chmodSync(this.#socketPath, 0o600);
        server.unref();
        resolve(server);
      });
    });
  }

  #hear(socket: Socket): void {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("error", () => socket.destroy());
    const receive = (data: string) => {
      text += data;
      if (text.length > MOST_QUESTION_BYTES) return void socket.destroy();
      if (!text.includes("\n")) return;
      socket.off("data", receive);
      this.#ask(text, socket);
    };
    socket.on("data", receive);
  }

  #ask(line: string, socket: Socket): void {
    const parsed = Question.safeParse(json(line));
    const login = parsed.success ? [...this.#logins].find(({ token }) => tokensMatch(parsed.data.token, token)) : undefined;
    if (!parsed.success || !login) return void socket.destroy();
    const prompt = promptOf(login.host, parsed.data.text, parsed.data.hint);
    const timer = setTimeout(() => {
      login.declined = true;
      finish(null);
    }, this.#seconds * 1000);
    const finish = (answer: string | null) => {
      clearTimeout(timer);
      if (!this.#waiting.delete(prompt.id)) return;
      socket.end(answer === null ? "" : JSON.stringify({ answer: reply(prompt, answer) }));
      this.#changed();
    };
    this.#waiting.set(prompt.id, { prompt, login, answer: finish });
    // ssh ends the program when a hardware key was touched, and when it gives up.
    socket.on("end", () => finish(null));
    socket.on("close", () => finish(null));
    socket.resume();
    this.#changed();
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** ssh's words as a question. `hint` is SSH_ASKPASS_PROMPT: "confirm" for yes or no, "none" for a notice. */
export function promptOf(host: string, said: string, hint: string): HostPrompt {
  const text = cleanOutput(said).trim().slice(0, LONGEST_TEXT);
  const hostKey = hostKeyQuestion(text);
  const kind = hostKey ? "host-key" : hint === "none" ? "touch" : hint === "confirm" ? "confirm" : /^Enter (?:passphrase|PIN) for /.test(text) ? "passphrase" : /password:?\s*$/i.test(text) ? "password" : "code";
  return { id: randomUUID(), host, kind, text, hostKey };
}

/** A key is accepted by its fingerprint rather than by "yes": ssh compares it with the one it was shown. */
const reply = ({ hostKey }: HostPrompt, answer: string): string => (hostKey && answer === "yes" ? hostKey.fingerprint : answer);
