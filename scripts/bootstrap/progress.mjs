// Progress goes to stderr: stdout belongs to the command that was asked for.

const isTerminal = Boolean(process.stderr.isTTY) && process.env.TERM !== "dumb";

/** Bytes as people read them: 515 MB. @param {number} bytes */
export function formatBytes(bytes) {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${Math.round(bytes / 1e6)} MB`;
}

/**
 * One step that is under way. On a terminal its line is redrawn in place; in a log a new line is written at most every
 * ten seconds, so that a CI log stays readable and still shows that the step is alive.
 */
export class Progress {
  /** @param {string} title what is being done, as in "Building the native addon" */
  constructor(title) {
    this.title = title;
    this.started = Date.now();
    this.lastLine = isTerminal ? 0 : this.started;
    this.write(`${title} …`);
  }

  /** @param {string} detail how far it is */
  update(detail) {
    const now = Date.now();
    if (now - this.lastLine < (isTerminal ? 100 : 10_000)) return;
    this.lastLine = now;
    this.write(`${this.title}: ${detail}`);
  }

  /** @param {string} [detail] */
  done(detail) {
    const seconds = (Date.now() - this.started) / 1000;
    this.write(`${this.title}: ${detail ?? "done"} (${seconds.toFixed(seconds < 10 ? 1 : 0)} s)`, true);
  }

  /** Ends the line without a result: the failure is reported after it. */
  stop() {
    if (isTerminal) process.stderr.write("\n");
  }

  /** @param {string} text @param {boolean} [last] */
  write(text, last = false) {
    if (isTerminal) {
      const width = (process.stderr.columns ?? 80) - 3;
      process.stderr.write(`\r\x1b[K▸ ${text.length > width ? text.slice(0, width - 1) + "…" : text}${last ? "\n" : ""}`);
    } else {
      process.stderr.write(`▸ ${text}\n`);
    }
  }
}

/**
 * Does one step under a progress line.
 * @template T
 * @param {string} title
 * @param {(progress: Progress) => Promise<T>} work
 * @param {(result: T) => string | undefined} [summary]
 * @returns {Promise<T>}
 */
export async function withProgress(title, work, summary) {
  const progress = new Progress(title);
  try {
    const result = await work(progress);
    progress.done(summary?.(result));
    return result;
  } catch (error) {
    progress.stop();
    throw error;
  }
}
