// A transformers model in a process of its own, stepped on request.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

export type PeerMode = "fp32" | "bf16" | "compiled-fp32" | "compiled-bf16";
export interface PeerSizes {
  vocabulary: number; dModel: number; dFf: number; dKv: number; heads: number;
  /** Blocks of each stack; every second is sparse. */
  layers: number;
  experts: number;
  /** Places an expert has for each sequence, which is how transformers counts. */
  capacity: number;
  dropout: number; batch: number;
}

export class TransformersPeer {
  readonly mode: PeerMode;
  #child: ChildProcess;
  #answers: AsyncIterator<string>;
  version = "";

  constructor(python: string, mode: PeerMode) {
    this.mode = mode;
    // inductor's compiler talks a lot; what matters comes on standard output.
    this.#child = spawn(python, [join(import.meta.dirname, "transformersStep.py")], { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, HF_HUB_OFFLINE: "1" } });
    this.#answers = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
  }

  /** Builds the model and warms it up. */
  async make(sizes: PeerSizes, input: Int32Array, labels: Int32Array, threads: number): Promise<void> {
    const { version } = await this.#ask({ mode: this.mode, sizes, input: [...input], labels: [...labels], threads }) as { version: string };
    this.version = version;
  }

  /** Seconds of each step. */
  async step(steps: number): Promise<number[]> {
    return (await this.#ask({ steps }) as { seconds: number[] }).seconds;
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
    if (done) throw new Error(`transformers in mode ${this.mode} ended before it answered.`);
    return JSON.parse(value) as unknown;
  }
}
