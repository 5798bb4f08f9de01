// A rival's model in a process of its own, stepped on request.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Of PyTorch: compiled or not, in fp32 or under bf16 autocast. */
export type TorchMode = "fp32" | "bf16" | "compiled-fp32" | "compiled-bf16";

export interface PeerProgram {
  python: string;
  /** A file beside this one. */
  script: string;
  environment?: NodeJS.ProcessEnv;
}

export class Peer {
  /** What a row calls it. */
  readonly name: string;
  #child: ChildProcess;
  #answers: AsyncIterator<string>;
  version = "";

  constructor(name: string, { python, script, environment = {} }: PeerProgram) {
    this.name = name;
    // Compilers talk a lot; what matters comes on standard output.
    this.#child = spawn(python, [join(import.meta.dirname, script)], { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, ...environment } });
    this.#answers = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
  }

  /** Builds the model that the script is asked for, and warms it up. */
  async make(request: Record<string, unknown>): Promise<void> {
    this.version = (await this.#ask(request) as { version: string }).version;
  }

  /** Seconds of one step. */
  async step(): Promise<number> {
    return (await this.#ask({ steps: 1 }) as { seconds: [number] }).seconds[0];
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.stdin!.end();
    await gone;
  }

  async #ask(request: unknown): Promise<unknown> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`${this.name} ended before it answered.`);
    return JSON.parse(value) as unknown;
  }
}
