// A run on a host whose key needs a passphrase: it is asked for when a person begins something, never in between, and what waited for the
// login goes on at once.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { HostsState } from "../../contract/hosts.ts";
import { Application } from "../application.ts";
import { SshServer } from "../fixtures/sshServer.ts";
import { temporaryHome, until } from "../fixtures/temporaryHome.ts";
import { writeRun } from "../fixtures/writeRun.ts";

const server = await SshServer.start({ passphrase: "right" });
process.env["SWITCHYARD_SSH_CONFIG"] = server.configFile;
const runs = join(server.home, ".local/share/switchyard/runs");
mkdirSync(runs, { recursive: true });
afterAll(() => server.end());

test("attaching asks; a lost link asks nobody, and a new login brings the run back at once", async () => {
  const id = writeRun(runs, { id: "0199aaaa-0000-7000-8000-00000000000a", steps: 50, exit: null });
  const application = new Application({ home: temporaryHome(), report: (sentence) => { throw new Error(sentence); } });
  try {
    await application.caughtUp;
    await expect(application.send("runs.attach", { host: "box", directory: join(runs, id) })).rejects.toThrow(/^box refused the login .* It was not asked now\.$/);
    const asked = new Set<string>();
    application.follow("hosts", {}, { congested: () => false, fail: () => {}, push: (push) => {
      for (const prompt of (push as HostsState).prompts) if (!asked.has(prompt.id)) {
        asked.add(prompt.id);
        application.hosts.answer(prompt.id, "right");
      }
    } });
    const { runId } = await application.send("runs.attach", { host: "box", directory: join(runs, id) });
    const link = async () => (await application.send("runs.remote", { runId }))!.link.state;
    await until(async () => (await link()) === "connected");
    expect(asked.size).toBe(1);

    server.cut();
    await until(async () => (await link()) === "lost");
    // Long enough for tries in the background.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    expect([await link(), asked.size]).toEqual(["lost", 1]);
    await application.send("hosts.check", { name: "box" });
    await until(async () => (await link()) === "connected", 1000, "the link");
    expect(asked.size).toBe(2);
  } finally {
    await application.hosts.disconnect("box");
    await application.close();
  }
});
