// The program that ssh starts with a question, and the server that it asks: as ssh uses them, one process a question.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { until } from "../fixtures/temporaryHome.ts";
import { Askpass, promptOf, type LoginAsking } from "./askpass.ts";

const folder = mkdtempSync(join(tmpdir(), "swy-ask-"));
let askpass = new Askpass(() => folder, () => {});
afterEach(async () => {
  await askpass.close();
  askpass = new Askpass(() => folder, () => {});
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What ssh does for a question. `hint` is its SSH_ASKPASS_PROMPT. */
function question(login: LoginAsking, text: string, hint?: string): { child: ChildProcess; answer: Promise<[code: number | null, text: string]> } {
  const child = spawn(login.program, [text], { env: { PATH: process.env["PATH"], ...login.environment, ...(hint ? { SSH_ASKPASS_PROMPT: hint } : {}) }, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout!.on("data", (data) => { said += String(data); });
  return { child, answer: once(child, "close").then(([code]) => [code as number | null, said]) };
}
const asked = async () => {
  await until(() => askpass.prompts.length > 0);
  return askpass.prompts[0]!;
};

test.each([
  ["(me@box) Verification code: ", undefined, "code"], ["me@box's password: ", undefined, "password"], ["(me@box) Password:", undefined, "password"], ["Enter passphrase for key '/home/me/.ssh/id': ", undefined, "passphrase"],
  ["Enter PIN for ED25519-SK key /home/me/.ssh/id_sk: ", undefined, "passphrase"], ["Allow use of key /home/me/.ssh/id?", "confirm", "confirm"], ["Confirm user presence for key ED25519-SK SHA256:x", "none", "touch"],
  // A host that wants a passphrase of this machine can't have its words taken for ssh's own.
  ["(me@box) Enter passphrase for key '/home/me/.ssh/id': ", undefined, "code"],
] as const)("%j is asked as %s %s", (text, hint, kind) => {
  expect(promptOf("box", text, hint ?? "")).toMatchObject({ host: "box", kind, text: text.trim(), hostKey: null });
});

test("words of a host are cleaned and cut", () => {
  expect(promptOf("box", `\u001b[2J\u202eCode${"x".repeat(10_000)}`, "").text).toMatch(/^Codex{2996}$/);
});

test("an answer reaches ssh's standard input whole, a declined one ends the program with 1", async () => {
  const login = await askpass.begin("box", []);
  const code = question(login, "(me@box) Verification code: ");
  askpass.answer((await asked()).id, " 123 456 ü");
  expect(await code.answer).toEqual([0, " 123 456 ü\n"]);
  const other = question(login, "Password:");
  askpass.answer((await asked()).id, null);
  expect([await other.answer, login.declined(), askpass.prompts]).toEqual([[1, ""], true, []]);
});

test("the notice to touch a key goes when ssh ends it, and nothing was declined", async () => {
  const login = await askpass.begin("box", []);
  const touch = question(login, "Confirm user presence for key ED25519-SK SHA256:x", "none");
  expect(await asked()).toMatchObject({ kind: "touch" });
  touch.child.kill("SIGTERM");
  await until(() => askpass.prompts.length === 0);
  expect(login.declined()).toBe(false);
});

test("a login that is over takes its questions with it, and asks no more", async () => {
  const login = await askpass.begin("box", []);
  const open = question(login, "Password:");
  const { id } = await asked();
  login.end();
  expect(await open.answer).toEqual([1, ""]);
  expect(() => askpass.answer(id, "late")).toThrow("answered or withdrawn meanwhile");
  expect(await question(login, "Password:").answer).toEqual([1, ""]);
  expect(askpass.prompts).toEqual([]);
});

test("nobody answers: the question is withdrawn in time", async () => {
  const quick = new Askpass(() => folder, () => {}, 0.2), login = await quick.begin("box", []);
  expect(await question(login, "Password:").answer).toEqual([1, ""]);
  expect(login.declined()).toBe(true);
  await quick.close();
  expect(readdirSync(folder)).toEqual([]);
});
