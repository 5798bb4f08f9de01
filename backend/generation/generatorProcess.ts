// The program that generates text, as a child: started at the first request, kept while it has something to do or waits for more.
// The backend itself never loads the engine.
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { GeneratorReply, type GenerationPush, type GenerationRequest, type GeneratorCommand } from "../../contract/generation.ts";
import { PersonError } from "../personError.ts";

const PROGRAM = fileURLToPath(new URL("../../trainer/generate/main.ts", import.meta.url));
/** A run may be training at the same time, so half of the cores are left to it. */
const THREADS = Math.max(1, Math.floor(availableParallelism() / 2));
/** A model kept for the next request takes memory; after this long without one it goes. */
export const IDLE_SECONDS = 180;
const LAST_WORDS = 4000;

export interface Listener {
  push(push: GenerationPush): void;
  fail(error: PersonError): void;
}
interface Waiting { command: GeneratorCommand; listener: Listener }

export class GeneratorProcess {
  readonly #idleSeconds: number;
  #child: ChildProcessWithoutNullStreams | null = null;
  #waiting = new Map<number, Waiting>();
  #next = 1;
  #closed = false;

  constructor({ idleSeconds = IDLE_SECONDS }: { idleSeconds?: number } = {}) {
    this.#idleSeconds = idleSeconds;
  }

  /** Pid of the child while there is one. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /**
   * Generates from the weights in a run directory or an imported model's folder. The listener hears nothing more after a push whose
   * answer is done, after a failure, or after the returned function was called, which ends the work.
   */
  generate(directory: string, { source, texts, settings }: GenerationRequest, listener: Listener): () => void {
    const id = this.#next++;
    const command: GeneratorCommand = { type: "generate", id, directory, source, texts, settings };
    this.#waiting.set(id, { command, listener });
    this.#write(command);
    return () => {
      if (this.#waiting.delete(id)) this.#write({ type: "cancel", id });
    };
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    this.#child?.kill("SIGKILL"); // it writes nothing
  }

  #write(command: GeneratorCommand): void {
    if (this.#closed || (command.type === "cancel" && !this.#child)) return;
    this.#child ??= this.#start();
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn(process.execPath, [PROGRAM, "--threads", String(THREADS), "--idle", String(this.#idleSeconds)], { stdio: ["pipe", "pipe", "pipe"] });
    let said = "";
    child.stderr.on("data", (data: Buffer) => { said = (said + String(data)).slice(-LAST_WORDS); });
    child.stdin.on("error", () => {}); // its end says more
    createInterface({ input: child.stdout }).on("line", (line) => this.#hear(GeneratorReply.parse(JSON.parse(line))));
    child.once("error", (error) => this.#ended(child, null, null, error.message));
    child.once("close", (code, signal) => this.#ended(child, code, signal, said));
    return child;
  }

  #hear(reply: GeneratorReply): void {
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    if (reply.type === "failed") {
      this.#waiting.delete(reply.id);
      waiting.listener.fail(new PersonError(reply.message, reply.detail === null ? {} : { detail: reply.detail }));
      return;
    }
    if (reply.push.phase === "text" && reply.push.answer.done) this.#waiting.delete(reply.id);
    waiting.listener.push(reply.push);
  }

  #ended(child: ChildProcessWithoutNullStreams, code: number | null, signal: string | null, said: string): void {
    if (this.#child !== child) return;
    this.#child = null;
    const left = [...this.#waiting.values()];
    // It had waited long enough just as the request came.
    if (code === 0) return left.forEach(({ command }) => this.#write(command));
    this.#waiting.clear();
    const how = signal ? `was killed by ${signal}${signal === "SIGKILL" ? ", as the system does when memory runs out" : ""}` : `ended with exit code ${code ?? "unknown"}`;
    for (const { listener } of left) listener.fail(new PersonError(`The program that generates text ${how}; try again, or take a smaller model.`, { detail: said }));
  }
}
