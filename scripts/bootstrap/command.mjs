// Runs one outside program of a step, hands its lines to the progress display and keeps all of them in a log.
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "./paths.mjs";

const TAIL_LINES = 40;

/** A program that ended with an error. Its last lines say more than its exit code. */
export class CommandError extends Error {
  /** @param {string} message @param {string[]} tail @param {string} log */
  constructor(message, tail, log) {
    super(message);
    this.tail = tail;
    this.log = log;
  }
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {{ log: string, name?: string, cwd?: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void }} options
 *   log: name of the log file below build/logs, without its ending; name: what to call the program in a message
 * @returns {Promise<void>} rejects with a CommandError when the program can't be started or fails
 */
export function runCommand(program, args, options) {
  const folder = join(root, "build/logs");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${options.log}.log`);
  const log = createWriteStream(path);
  log.write(`$ ${[program, ...args].join(" ")}\n`);
  const name = options.name ?? program;
  /** @type {string[]} */
  const tail = [];

  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? root,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        log.write(line + "\n");
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
        options.onLine?.(line);
      });
    }
    child.on("error", (error) => {
      log.end();
      reject(new CommandError(`${name} can't be started (${error.message})`, tail, path));
    });
    child.on("close", (code, signal) => {
      log.end();
      if (code === 0) resolve();
      else reject(new CommandError(`${name} ended with ${signal ?? `exit code ${code}`}`, tail, path));
    });
  });
}
