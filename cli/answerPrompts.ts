// Questions of ssh on the terminal: fingerprints to confirm, passwords without echo. Whoever answers first, here or in a window, has answered.
import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import type { HostPrompt, HostsState } from "../contract/hosts.ts";
import type { Backend } from "./backendAccess.ts";
import { TerminalLine } from "./terminalLine.ts";

/** Whether somebody sits there who could answer. */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

/** Runs `work` while questions are put to the person at the terminal; in between, `progress` is its last line. */
export async function answeringPrompts<T>(backend: Backend, work: () => Promise<T>, progress: (state: HostsState) => string = () => ""): Promise<T> {
  if (!canAsk()) return work();
  const open = new Map<string, () => void>(), line = new TerminalLine();
  const stop = backend.follow("hosts", {}, (state) => {
    const { prompts } = state;
    if (prompts.length > 0) line.clear();
    else line.draw(progress(state));
    for (const [id, withdraw] of open) if (!prompts.some((prompt) => prompt.id === id)) {
      open.delete(id);
      withdraw();
    }
    for (const prompt of prompts) if (!open.has(prompt.id)) open.set(prompt.id, ask(prompt, (answer) => {
      if (!open.delete(prompt.id)) return;
      // Somebody else may have been quicker.
      void backend.send("hosts.answer", { promptId: prompt.id, answer }).catch(() => {});
    }));
  });
  try {
    return await work();
  } finally {
    stop();
    line.clear();
    for (const withdraw of open.values()) withdraw();
  }
}

const YES_NO = new Set<HostPrompt["kind"]>(["host-key", "confirm"]);

/** Asks on the terminal. @returns the function that takes the question back */
function ask(prompt: HostPrompt, answered: (answer: string | null) => void): () => void {
  process.stderr.write(`\n${describe(prompt)}\n`);
  if (prompt.kind === "touch") return () => {};
  const secret = !YES_NO.has(prompt.kind);
  const lines: Interface = createInterface({ input: process.stdin, output: secret ? new Writable({ write: (_, __, done) => done() }) : process.stderr, terminal: true, historySize: 0 });
  let given = false;
  const give = (answer: string | null) => {
    if (given) return;
    given = true;
    lines.close();
    if (secret) process.stderr.write("\n");
    answered(answer);
  };
  if (secret) process.stderr.write("> ");
  lines.once("close", () => give(null));
  lines.on("SIGINT", () => give(null));
  const again = () => lines.question(secret ? "" : "Type yes or no: ", (text) => {
    if (secret) return give(text);
    const word = text.trim().toLowerCase();
    if (word === "yes") give("yes");
    else if (word === "no" || word === "n") give(null);
    else again();
  });
  again();
  return () => {
    given = true;
    lines.close();
  };
}

/** What is asked, for which host. The text was cleaned where it came in. */
export function describe({ host, kind, text, hostKey }: HostPrompt): string {
  if (hostKey) return [
    `The host ${host} is not known yet: ${hostKey.name} shows this ${hostKey.type} key.`, "", `  ${hostKey.fingerprint}`, ...(hostKey.art ? [hostKey.art.replaceAll(/^/gm, "  ")] : []), "",
    "Compare it with what whoever runs the host gave you. Accepted, it is added to your known_hosts.",
  ].join("\n");
  return kind === "touch" ? `${host}: ${text}` : `On the way to ${host}, ssh asks: ${text}`;
}
