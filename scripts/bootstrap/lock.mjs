import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Takes an exclusive lock on a file, waiting for whoever has it. The lock is held by `flock`, whose standard input is
 * a pipe from this process: when this process ends, however it ends, the pipe closes and the lock is free again.
 * @param {string} path the file; it stays behind, empty
 * @param {() => void} [onWait] called once when somebody else has the lock
 * @returns {Promise<() => Promise<void>>} releases the lock
 */
export async function acquireLock(path, onWait) {
  mkdirSync(dirname(path), { recursive: true });
  // Detached from the terminal's process group: Ctrl-C must end us first, and the lock only with us.
  const holder = spawn("flock", ["--exclusive", path, "sh", "-c", "echo locked; cat"], {
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
  });
  const waiting = setTimeout(() => onWait?.(), 500);
  try {
    await new Promise((resolve, reject) => {
      holder.stdout.once("data", resolve);
      holder.once("error", reject);
      holder.once("exit", (code) => reject(new Error(`flock could not lock ${path} (exit code ${code})`)));
    });
  } finally {
    clearTimeout(waiting);
  }
  return async () => {
    const gone = new Promise((resolve) => holder.once("exit", resolve));
    holder.stdin.end();
    await gone;
  };
}
