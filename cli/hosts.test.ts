// hosts list, add, check, remove as a person uses them, against a real sshd on loopback; questions are answered on a real terminal.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HostsState, HostSummary } from "../contract/hosts.ts";
import { SshServer } from "../backend/fixtures/sshServer.ts";
import { temporaryHome } from "../backend/fixtures/temporaryHome.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
/** A dozen processes, on a machine that may be busy. */
const PATIENCE = 400_000;
const SECRET = "correct horse";
const home = temporaryHome();
let server: SshServer;
beforeAll(async () => { server = await SshServer.start({ known: false, passphrase: SECRET }); });
afterAll(() => server.end());

const environment = () => ({ ...process.env, SWITCHYARD_SSH_CONFIG: server.configFile });
const switchyard = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "--home", home.directory, ...words], { encoding: "utf8", env: environment() });
  return { code: status, out: stdout, error: stderr };
};
const json = (...words: string[]) => JSON.parse(switchyard(...words, "--json").out);

/** Runs a command on a terminal, typing an answer when its question appears. */
function onTerminal(words: string[], answers: [question: RegExp, answer: string][]): Promise<{ code: number | null; screen: string }> {
  const command = [process.execPath, MAIN, "--home", home.directory, ...words].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qec", command, "/dev/null"], { env: environment(), stdio: ["pipe", "pipe", "inherit"] });
  let screen = "", seen = 0;
  child.stdout.on("data", (data: Buffer) => {
    screen += String(data);
    const [question, answer] = answers[0] ?? [];
    const found = question && screen.slice(seen).search(question);
    if (found === undefined || found < 0) return;
    seen = screen.length;
    answers.shift();
    child.stdin.write(`${answer}\r`);
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, screen })));
}

test("a host is added, refused where it can't be one, listed and removed", () => {
  expect(switchyard("hosts", "add", "tpu-0", "10.0.0.7", "--user", "me", "--port", "2222", "--python", "~/venv/bin/python")).toMatchObject({ code: 0, out: "Added tpu-0. Look at it with: switchyard hosts check tpu-0\n" });
  expect(switchyard("hosts", "add", "pod", "--workers", "tpu-0,box").out).toBe("pod is a cluster of 2 hosts.\n");
  const state = HostsState.parse(json("hosts", "list"));
  expect(state.hosts.map(({ name, source, target }) => [name, source, target.address])).toEqual([["tpu-0", "added", "10.0.0.7"], ["box", "config", "box"]]);
  expect(switchyard("hosts", "list").out).toMatch(/tpu-0 +not tried +me@10\.0\.0\.7:2222 +added\nbox +not tried +box +~\/\.ssh\/config\n\ncluster +workers\npod +tpu-0 box/);
  expect(switchyard("hosts", "remove", "tpu-0")).toMatchObject({ code: 1, error: '"tpu-0" is a worker of the cluster "pod"; take it out there first.\n' });
  expect([switchyard("hosts", "remove", "pod").code, switchyard("hosts", "remove", "tpu-0").out]).toEqual([0, "Removed tpu-0.\n"]);
}, PATIENCE);

test.each<[string[], string, number]>([
  [["hosts", "add", "x", "--", "-oProxyCommand=touch x"], "begins with a letter", 2], [["hosts", "add", "a b"], "A host's name has", 2], [["hosts", "add", "x", "y", "--port", "70000"], "65,535", 2],
  [["hosts", "add", "x", "y", "--identity", "/no/such/key"], "There is no identity file /no/such/key", 1], [["hosts", "add", "x", "y", "--workers", "z"], "leave out one of the two", 2],
  [["hosts", "add", "x", "y", "--partition", "gpu"], "belong to a host with --engine slurm", 2], [["hosts", "add", "x", "y", "--engine", "pbs"], 'There is no engine "pbs"', 2],
  [["hosts", "add", "x", "y", "--engine", "slurm", "--slurm-option=--output=/etc/x"], "are set by Switchyard", 2],
  [["hosts", "add", "x", "y", "--engine", "slurm", "--ray-gpus", "8"], "belong to a host with --engine ray", 2], [["hosts", "add", "x", "y", "--engine", "ray", "--ray-gpus", "all"], "GPUs are a number above 0", 2],
  [["hosts", "add", "x", "y", "--engine", "ray", "--ray-resource", "TPU"], "is written NAME=NUMBER", 2], [["hosts", "add", "x", "y", "--engine", "ray", "--ray-resource", "GPU=1"], "asked for by themselves", 2],
  [["hosts", "add", "x", "y", "--engine", "ray", "--ray-address", "localhost:8265"], "is written http://HOST:PORT", 2], [["hosts", "check", "boxx"], 'Did you mean "box"?', 1], [["hosts", "remove", "box"], "was not added here", 1],
])("%j is refused in one sentence", (words, sentence, code) => {
  const refused = switchyard(...words);
  expect(refused.error.trim().split("\n")).toHaveLength(1);
  expect(refused).toMatchObject({ code, out: "", error: expect.stringContaining(sentence) });
});

test("a host that hands its runs to Slurm or Ray is added with what they ask for", () => {
  expect(switchyard("hosts", "add", "login", "10.0.0.8", "--engine", "slurm", "--partition", "gpu", "--slurm-option=--gres=gpu:8", "--slurm-option=--time=1:00:00").code).toBe(0);
  expect(HostsState.parse(json("hosts", "list")).hosts.find(({ name }) => name === "login")!.engine).toEqual({ kind: "slurm", partition: "gpu", options: ["--gres=gpu:8", "--time=1:00:00"] });
  expect(switchyard("hosts", "add", "login", "10.0.0.8", "--engine", "ray", "--ray-address", "http://head:8265", "--ray-cpus", "2", "--ray-resource", "TPU=4", "--ray-resource=shelf=0.5").code).toBe(0);
  expect(HostsState.parse(json("hosts", "list")).hosts.find(({ name }) => name === "login")!.engine).toEqual({ kind: "ray", address: "http://head:8265", cpus: 2, resources: { TPU: 4, shelf: 0.5 } });
  expect(switchyard("hosts", "remove", "login").code).toBe(0);
}, PATIENCE);

test("without a terminal nobody is asked, and the failure says how to be", () => {
  const { code, error } = switchyard("hosts", "check", "box");
  expect([code, error]).toEqual([1, expect.stringContaining("The key of box is not known yet")]);
  expect(error).toContain("switchyard hosts check box");
});

test("a declined key ends the check; an accepted one and a passphrase without echo let it through, once", async () => {
  const declined = await onTerminal(["hosts", "check", "box"], [[/Type yes or no/, "no"]]);
  expect(declined.code).toBe(1);
  expect(declined.screen).toContain(server.fingerprint);
  expect(readFileSync(server.knownHosts, "utf8")).toBe("");

  const { screen } = await onTerminal(["hosts", "check", "box"], [[/Type yes or no/, "yes"], [/Enter passphrase[^>]*> /, SECRET]]);
  expect(screen).toMatch(/✓ box \(/);
  expect(screen).toMatch(/System +.*Linux/);
  expect(screen).not.toContain(SECRET);
  // The connection outlives the command: the next one asks nothing.
  const again = HostSummary.parse(json("hosts", "check", "box"));
  expect(again).toMatchObject({ name: "box", check: { python: { version: expect.stringMatching(/^3\./) } } });
  expect(server.log.match(/Accepted publickey/g)).toHaveLength(1);
  expect(HostsState.parse(json("hosts", "list")).hosts[0]!.link.status).toBe("idle");

  // Whatever needs the host asks in the same way.
  server.cut();
  const attached = await onTerminal(["attach", "box"], [[/Enter passphrase[^>]*> /, SECRET]]);
  expect(attached.screen).toContain("was found on box in its runs folder");
  server.cut();
  expect(switchyard("attach", "box").error).toMatch(/^box refused the login .* It was not asked now\.\n$/);
}, PATIENCE);
