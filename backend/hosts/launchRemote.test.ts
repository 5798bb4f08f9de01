// A run is started on a host once, whatever is lost on the way, and everything that is asked of it reaches its trainer.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FILES } from "../../contract/runDirectory.ts";
import { RunSpec } from "../../contract/runSpec.ts";
import { losingLaunchAnswer, Mirrors, runsOn, shellChannel } from "../fixtures/remoteMirrors.ts";
import { tinyPackage } from "../fixtures/remoteTrainer.ts";
import { temporaryHome, until } from "../fixtures/temporaryHome.ts";
import { launchRemote } from "./launchRemote.ts";
import type { Channel } from "./ssh.ts";

const SPEC = RunSpec.parse({ name: "far", data: { source: { kind: "sample", names: ["moby-dick"] } }, training: { steps: 100 } });
const open: Mirrors[] = [];
let there: string, channels: Channel[] = [];
beforeEach(() => {
  there = mkdtempSync(join(tmpdir(), "switchyard-there-"));
  channels = [];
});
afterEach(async () => {
  for (const mirrors of open.splice(0)) await mirrors.close();
  rmSync(there, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

function mirrors({ home = temporaryHome(), seconds = 0.02, wrap = (channel: Channel) => channel } = {}): Mirrors {
  const code = tinyPackage(join(there, "code"), { seconds });
  const made: Mirrors = new Mirrors(home, (host) => {
    // Two hosts that share a disk, and all others with one each.
    const runs = runsOn(join(there, host.startsWith("shared") ? "shared" : host));
    mkdirSync(runs, { recursive: true });
    return {
      python: "python3", runs,
      open: (command) => {
        const channel = wrap(shellChannel(command));
        channels.push(channel);
        return channel;
      },
    };
  }, (run, launch, say) => launchRemote({ link: (host) => made.remotes.link(host), runs: home.runs, code }, run, launch, say));
  open.push(made);
  return made;
}

test("code, data and spec are sent, the trainer starts detached, and its rows arrive until its end", async () => {
  const mine = mirrors();
  await mine.start();
  const id = mine.remotes.start(SPEC, "box");
  await until(() => mine.status(id).status === "completed" && mine.status(id).step === 100, 20_000);
  const directory = join(runsOn(join(there, "box")), id);
  expect(mine.remotes.of(id)!.file).toMatchObject({ directory, launch: { state: "started" } });
  expect(JSON.parse(readFileSync(join(directory, FILES.spec), "utf8"))).toEqual(JSON.parse(JSON.stringify(SPEC)));
  await until(() => readFileSync(join(mine.remotes.of(id)!.directory, FILES.log), "utf8").includes("arguments"));
  // Again, everything is there already.
  const blobs = () => readdirSync(join(there, "box", "switchyard", "blobs")).length;
  const before = blobs();
  const again = mine.remotes.start(SPEC, "box");
  await until(() => mine.status(again).status === "completed", 20_000);
  expect(blobs()).toBe(before);
});

test("runs that are started at the same moment share what is sent", async () => {
  const mine = mirrors();
  await mine.start();
  const ids = [1, 2, 3].map(() => mine.remotes.start(SPEC, "box"));
  await until(() => ids.every((id) => ["completed", "failed"].includes(mine.status(id).status)), 40_000);
  expect(ids.map((id) => mine.status(id).status_message)).toEqual(ids.map(() => null));
}, 60_000);

test("a start whose answer is lost, and one that is asked for twice, start one process", async () => {
  const losing = losingLaunchAnswer();
  const mine = mirrors({ seconds: 0.05, wrap: losing.wrap });
  await mine.start();
  const id = mine.remotes.start(SPEC, "box");
  await until(() => mine.status(id).status === "completed", 30_000);
  const directory = join(runsOn(join(there, "box")), id);
  expect(losing.lost()).toBe(true);
  expect(channels.length).toBeGreaterThan(1);
  expect(JSON.parse(readFileSync(join(directory, FILES.process), "utf8"))).toMatchObject({ attempt: 1 });
  expect(readFileSync(join(directory, FILES.log), "utf8").match(/arguments/g)).toHaveLength(1);

  // The same request, many at a time, from two connections.
  const { launch } = mine.remotes.of(id)!.file, key = "0123456789abcdef0123456789abcdef";
  const request = { run: id, process: 0, key, files: {}, argv: ["python3", "-c", "import time, sys; print('once'); sys.stdout.flush(); time.sleep(3)"], env: {} };
  expect(launch!.key).not.toBe(key);
  const sessions = await Promise.all([mine.remotes.link("box").session(), mirrorsOf(mine)]);
  const answers = await Promise.all([...sessions, ...sessions, ...sessions].map((session) => session.request("launch", request)));
  expect(answers).toHaveLength(6);
  await until(() => readFileSync(join(directory, FILES.log), "utf8").includes("once"));
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(readFileSync(join(directory, FILES.log), "utf8").match(/once/g)).toHaveLength(1);
  await sessions[0].request("end", { directory, process: 0, grace: 1 });
});

/** Another connection to the same host. */
async function mirrorsOf(mine: Mirrors) {
  const other = mirrors();
  expect(other).not.toBe(mine);
  return other.remotes.link("box").session();
}

test("it stops when asked and goes on when resumed", async () => {
  const mine = mirrors({ seconds: 0.05 });
  await mine.start();
  const id = mine.remotes.start(SPEC, "box"), run = mine.remotes.of(id)!;
  await until(() => mine.status(id).step >= 5, 20_000);
  await run.stop();
  expect(["stopping", "stopped"]).toContain(mine.status(id).status);
  await until(() => mine.status(id).status === "stopped");
  run.start({ steps: 30, mesh: null }, { from: null, data: null });
  await until(() => mine.status(id).status === "completed" && mine.status(id).step === 30, 20_000);
});

test("a trainer that does not start says why", async () => {
  const mine = mirrors();
  await mine.start();
  rmSync(join(there, "code", "switchyard_jax", "tiny.py"));
  const id = mine.remotes.start(SPEC, "box");
  await until(() => mine.status(id).status === "failed", 20_000);
  expect(mine.status(id).status_message).toMatch(/^The trainer did not start\. Its last words: ImportError: cannot import name 'tiny'/);
});

test("a start that waits for its host can be called off, and one that had arrived is ended", async () => {
  let reachable = false;
  const mine = mirrors({ seconds: 0.2, wrap: (channel) => (reachable || channel.kill(), channel) });
  await mine.start();
  const id = mine.remotes.start(SPEC, "box");
  await until(() => mine.status(id).status === "unreachable", 20_000);
  await mine.remotes.of(id)!.stop();
  reachable = true;
  await mine.remotes.link("box").connectNow().catch(() => {});
  await until(() => mine.status(id).status === "stopped");
  expect(mine.status(id).status_message).toBe("Stopped before it was started on box.");
  expect(readdirSync(runsOn(join(there, "box")))).toEqual([]);
});

test.each(["pod", "shared"])("every worker of a cluster is started, and all are ended with the run (%s)", async (cluster) => {
  const home = temporaryHome(), mine = mirrors({ home, seconds: 0.05 });
  await mine.start();
  const id = mine.remotes.start(SPEC, cluster);
  await until(() => mine.status(id).step >= 3, 20_000);
  const { workers } = mine.remotes.of(id)!.file;
  expect(workers).toEqual([{ host: `${cluster}-0`, process: 0 }, { host: `${cluster}-1`, process: 1 }]);
  const one = join(runsOn(join(there, cluster === "pod" ? "pod-1" : cluster)), id);
  await until(() => readFileSync(join(one, "stdout-1.log"), "utf8").includes("arguments"), 20_000);
  expect(readFileSync(join(one, "stdout-1.log"), "utf8")).toMatch(/arguments --coordinator \S+:\d+ --processes 2 --process 1/);
  await mine.remotes.of(id)!.stop();
  await until(() => mine.status(id).status === "stopped", 20_000);
  // A worker that does not end with the run is ended.
  const left = async () => (await (await mine.remotes.link(`${cluster}-1`).session()).request("status", { directory: one, process: 1 })).going;
  await until(async () => mine.remotes.of(id)!.file.launch!.state === "ended", 60_000, "the end of all workers");
  expect(await left()).toBe(0);
});

test("a start is gone on with by a backend that comes later", async () => {
  const home = temporaryHome(), first = mirrors({ home });
  await first.start();
  const id = first.remotes.start(SPEC, "box");
  await first.close();
  open.splice(0);
  const second = mirrors({ home });
  second.remotes.followAll(() => false);
  await second.start();
  await until(() => second.status(id).status === "completed", 30_000);
  expect(readFileSync(join(runsOn(join(there, "box")), id, FILES.log), "utf8").match(/arguments/g)).toHaveLength(1);
});
