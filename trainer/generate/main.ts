// node trainer/generate/main.ts [--threads N] [--idle SECONDS]: generates text. Reads a command a line on standard input
// (GeneratorCommand), writes a reply a line on standard output (GeneratorReply), and keeps the last model for the next request.
// Ends with its input, or after a while without a request.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { GeneratorCommand, type GeneratorReply } from "../../contract/generation.ts";
import { Generator } from "./generator.ts";

const { values } = parseArgs({ options: { threads: { type: "string", default: "0" }, idle: { type: "string", default: "300" } } });
const generator = new Generator(Number(values.threads));
const going = new Set<number>(), cancelled = new Set<number>();
let waiting = Promise.resolve(), idle = setTimeout(end, Number(values.idle) * 1000);

function end(): never {
  process.exit(0);
}
function reply(document: GeneratorReply): void {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}
// Whoever asked is gone.
process.stdout.on("error", end);

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const command = GeneratorCommand.parse(JSON.parse(line));
  if (command.type === "cancel") {
    if (going.has(command.id)) cancelled.add(command.id);
    return;
  }
  clearTimeout(idle);
  going.add(command.id);
  waiting = waiting.then(() => answer(command)).finally(() => {
    going.delete(command.id);
    cancelled.delete(command.id);
    if (going.size === 0) idle = setTimeout(end, Number(values.idle) * 1000);
  });
});
lines.on("close", end);

async function answer(command: Extract<GeneratorCommand, { type: "generate" }>): Promise<void> {
  const { id } = command;
  try {
    if (!cancelled.has(id)) await generator.generate(command, (push) => reply({ type: "push", id, push }), () => cancelled.has(id));
  } catch (error) {
    const { message, cause } = error as Error;
    reply({ type: "failed", id, message, detail: typeof cause === "string" ? cause : cause instanceof Error ? cause.stack ?? null : null });
  }
}
