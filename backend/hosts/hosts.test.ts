// Hosts as a person meets them, against a real sshd on loopback: keys asked about, questions answered, links lost, ports forwarded.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { HostsState, type Host, type HostCheck, type HostPrompt } from "../../contract/hosts.ts";
import { SshServer, type SshServerOptions } from "../fixtures/sshServer.ts";
import { temporaryHome, until } from "../fixtures/temporaryHome.ts";
import { checkHost } from "./check.ts";
import { LinkError } from "./hostConnection.ts";
import { Hosts } from "./hosts.ts";

const ended: (() => Promise<unknown>)[] = [];
const endAll = async () => { for (const end of ended.splice(0).toReversed()) await end(); };
afterEach(endAll);
afterAll(endAll);

/** A server and the hosts of a home whose configuration knows it as "box". `answer` plays the person. */
async function set(options: SshServerOptions = {}, answer: (prompt: HostPrompt) => string | null = () => null) {
  const server = await SshServer.start(options), home = temporaryHome();
  const hosts = new Hosts(home.directory, server.configFile);
  ended.push(() => server.end(), async () => {
    for (const { name } of hosts.state().hosts) await hosts.disconnect(name);
    await hosts.close();
  });
  const prompts: HostPrompt[] = [];
  const states: HostsState[] = [];
  hosts.follow({
    congested: () => false, fail: () => {},
    push: (push) => {
      const state = HostsState.parse(push);
      states.push(state);
      for (const prompt of state.prompts) if (!prompts.some(({ id }) => id === prompt.id)) {
        prompts.push(prompt);
        hosts.answer(prompt.id, answer(prompt));
      }
    },
  });
  const box = () => hosts.state().hosts.find(({ name }) => name === "box")!;
  return { server, home, hosts, prompts, states, box };
}
/** Without advice: the machine that tests may be busy, its disk full. */
const needed = ({ findings }: HostCheck) => findings.filter(({ level }) => level === "needed");
const failure = async (work: Promise<unknown>) => {
  const error = await work.then(() => null, (error: unknown) => error);
  if (!(error instanceof LinkError)) throw new Error(`No failed link but ${String(error)}`);
  return error.failure;
};

describe("a check", () => {
  test("says what the host has, and what is missing with its remedy", async () => {
    const { hosts, server, home, states } = await set();
    const { check, link } = await hosts.check("box", true);
    expect(link).toMatchObject({ status: "connected", failure: null });
    expect(check).toMatchObject({ architecture: expect.stringMatching(/x86_64|aarch64/), system: expect.stringContaining("Linux"), python: { version: expect.stringMatching(/^3\./) }, tpuHolder: null, runs: { count: 0, writable: true } });
    expect(check!.kernel).toMatch(/^Linux \d/);
    expect(check!.cores).toBeGreaterThan(0);
    expect(check!.memoryBytes).toBeGreaterThan(check!.memoryAvailableBytes!);
    expect(check!.disk!.totalBytes).toBeGreaterThan(check!.disk!.freeBytes);
    expect(check!.roundTripMilliseconds).toBeGreaterThan(0);
    expect(check!.roundTripMilliseconds).toBeLessThan(1000);
    expect(check!.load).toHaveLength(3);
    if (!check!.jax) expect(check!.findings).toContainEqual({ level: "needed", message: expect.stringContaining("JAX is not installed for"), remedy: expect.any(String), command: expect.stringMatching(/^python3 -m venv ~\/switchyard-jax && ~\/switchyard-jax\/bin\/python -m pip install --upgrade jax==\S+ flax==\S+ optax==/) });
    expect(new Set(states.map((state) => state.hosts[0]!.checking))).toContain("looking at system, Python and JAX");
    // It is remembered for the next start, without a connection; of another interpreter it says nothing.
    const again = new Hosts(home.directory, server.configFile), after = () => again.state().hosts[0]!;
    ended.push(() => again.close());
    expect(after()).toMatchObject({ name: "box", link: { status: "idle", since: link.since }, check: { at: check!.at } });
    expect(statSync(join(home.directory, "host-checks.json")).mode & 0o777).toBe(0o600);
    await again.save({ name: "box", target: { address: "box" }, python: "python3.12", runs: "~/runs" });
    expect(after()).toMatchObject({ link: { status: "untried" }, check: null });
  });

  test("counts the runs of the folder that the host names, and finds the interpreter below ~", async () => {
    const { hosts, server } = await set();
    mkdirSync(join(server.home, "my runs/a"), { recursive: true });
    writeFileSync(join(server.home, "my runs/a/spec.json"), "{}");
    mkdirSync(join(server.home, "my runs/not one"));
    mkdirSync(join(server.home, "it's"));
    writeFileSync(join(server.home, "it's/python"), "#!/bin/sh\nexec python3 \"$@\"\n");
    chmodSync(join(server.home, "it's/python"), 0o755);
    await hosts.save({ name: "box", target: { address: "box" }, python: "~/it's/python", runs: "~/my runs" });
    const { check } = await hosts.check("box", true);
    expect(check).toMatchObject({ runs: { folder: "~/my runs", count: 1 }, python: { version: expect.stringMatching(/^3\./) } });
  });

  test("of a host with a shell alone names Python as missing", async () => {
    const { hosts } = await set();
    await hosts.save({ name: "box", target: { address: "box" }, python: "/opt/none/python3", runs: "~/runs" });
    const { check } = await hosts.check("box", true);
    expect(check).toMatchObject({ python: null, jax: null });
    expect(needed(check!)).toMatchObject([{ message: "/opt/none/python3 is no Python that runs on box." }]);
  });

  test("JAX, TPU chips and tpu-info are told apart from what is not there", async () => {
    const { hosts, server } = await set();
    // A Python whose jax is a stand-in: the devices of a real one are tested where there is one.
    const packages = join(server.home, "site/jax");
    mkdirSync(packages, { recursive: true });
    for (const [name, version] of [["jax", "0.10.2"], ["flax", "0.12.8"], ["safetensors", "0.8.0"], ["numpy", "2.4.6"], ["scipy", "1.17.1"]]) {
      mkdirSync(join(server.home, `site/${name}-${version}.dist-info`));
      writeFileSync(join(server.home, `site/${name}-${version}.dist-info/METADATA`), `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`);
    }
    writeFileSync(join(packages, "__init__.py"), "class D:\n  platform='tpu'\n  device_kind='TPU v5 lite'\n  def memory_stats(self): return {'bytes_limit': 16 << 30}\ndef local_devices(): return [D() for _ in range(4)]\ndef default_backend(): return 'tpu'\n");
    mkdirSync(join(server.home, "bin"));
    writeFileSync(join(server.home, "bin/python"), `#!/bin/sh\nexport PYTHONPATH=${server.home}/site\nexec python3 "$@"\n`);
    chmodSync(join(server.home, "bin/python"), 0o755);
    // As are the programs of the drivers, found by PATH.
    for (const [name, printed] of [["nvidia-smi", "NVIDIA H100 80GB HBM3, 81559\nNVIDIA H100 80GB HBM3, 81559"], ["tpu-info", "TPU Chips\n\u001b[1m/dev/accel0\u001b[0m  TPU v5e chip  4711"]]) {
      writeFileSync(join(server.home, `bin/${name}`), `#!/bin/sh\nprintf '%s\\n' '${printed}'\n`);
      chmodSync(join(server.home, `bin/${name}`), 0o755);
    }
    const session = join(server.folder, "session.sh");
    writeFileSync(session, readFileSync(session, "utf8").replace("cd ", 'PATH="$HOME/bin:$PATH"\ncd '));
    await hosts.save({ name: "box", target: { address: "box" }, python: "~/bin/python", runs: "~/runs" });
    const { check } = await hosts.check("box", true);
    expect(check).toMatchObject({ accelerators: [{ platform: "gpu", kind: "NVIDIA H100 80GB HBM3", count: 2, memoryBytes: 81_559 * 2 ** 20 }], tpuInfo: "TPU Chips\n/dev/accel0  TPU v5e chip  4711" });
    expect(check!.jax).toMatchObject({ version: "0.10.2", backend: "tpu", problem: null, devices: [{ platform: "tpu", kind: "TPU v5 lite", count: 4, memoryBytes: 16 * 2 ** 30 }] });
    expect(needed(check!)).toEqual([{ level: "needed", message: expect.stringMatching(/^optax and orbax-checkpoint are not installed/), remedy: "Install what is missing beside JAX.", command: expect.stringMatching(/^~\/bin\/python -m pip install --upgrade optax==\S+ orbax-checkpoint==\S+$/) }]);
  });

  test("a host that answers garbage, floods or hangs is described in one sentence", async () => {
    const { hosts, server, box } = await set();
    const answer = (text: string) => writeFileSync(join(server.folder, "session.sh"), `#!/bin/sh\ncase "$SSH_ORIGINAL_COMMAND" in "exec sh -s") ${text};; *) exec sh -c "$SSH_ORIGINAL_COMMAND";; esac\n`);
    answer("yes '\u001b[2J garbage'");
    await expect(hosts.check("box", true)).rejects.toThrow("box answered the check with more than 256 KiB, so it was given up.");
    expect(box()).toMatchObject({ problem: expect.stringContaining("more than 256 KiB"), checking: null, link: { status: "connected" } });
    answer("read line; echo hello");
    await expect(hosts.check("box", true)).rejects.toThrow("box has no shell that runs a script");
    answer("read line; mark=$(printf '%s' \"$line\" | grep -o 'switchyard-[0-9a-f]*'); for i in 0 1 2 3; do echo \"$mark pong $i\"; done; printf '%s hostname \\033[31mevil\\033[0m\\342\\200\\256x\\n%s cores -5\\n%s load a b c\\n%s json {\"version\":7}\\n' $mark $mark $mark $mark; cat >/dev/null");
    const { check } = await hosts.check("box", true);
    expect(check).toMatchObject({ hostname: "evilx", load: null, python: null, jax: null });
    expect(box().link.status).toBe("connected");
    answer("sleep 60");
    const hung = await checkHost(hosts.host("box"), hosts.open("box", "exec sh -s"), () => {}, 1);
    expect(hung).toMatchObject({ check: null, reason: expect.stringMatching(/^The check of box took longer than 1 s/) });
  });
});

describe("keys of hosts", () => {
  test("an unknown one is asked about once, with its fingerprint, and then known to OpenSSH itself", async () => {
    const { hosts, prompts, server } = await set({ known: false }, ({ kind }) => (kind === "host-key" ? "yes" : null));
    await hosts.check("box", true);
    expect(prompts).toHaveLength(1);
    expect(prompts[0]).toMatchObject({ host: "box", kind: "host-key", hostKey: { name: `[127.0.0.1]:${server.port}`, type: "ED25519", fingerprint: server.fingerprint, art: expect.stringMatching(/^\+--\[ED25519/) } });
    expect(readFileSync(server.knownHosts, "utf8")).toContain("ssh-ed25519");
    await hosts.disconnect("box");
    await hosts.check("box", true);
    expect(prompts).toHaveLength(1);
  });

  test("declined, or with nobody to ask, nothing is stored and nothing runs there", async () => {
    const { hosts, prompts, server } = await set({ known: false }, () => null);
    expect(await failure(hosts.check("box", true))).toMatchObject({ kind: "not-answered" });
    expect(await failure(hosts.check("box", false))).toMatchObject({ kind: "host-key-unknown" });
    expect(prompts).toHaveLength(1);
    expect(readFileSync(server.knownHosts, "utf8")).toBe("");
    expect(server.log).not.toContain("Accepted");
  });

  test("a changed one is a hard stop that shows both, and nobody is asked", async () => {
    const { hosts, prompts, server, box } = await set();
    const before = server.fingerprint;
    await server.replaceHostKey();
    const found = await failure(hosts.check("box", true));
    expect(found).toMatchObject({
      kind: "host-key-changed",
      changedKey: { name: `[127.0.0.1]:${server.port}`, known: [{ type: "ED25519", fingerprint: before }], offered: { type: "ED25519", fingerprint: server.fingerprint }, removal: `ssh-keygen -f ${server.knownHosts} -R '[127.0.0.1]:${server.port}'` },
    });
    expect([prompts, box().link.status, server.log.includes("Accepted")]).toEqual([[], "unreachable", false]);
  });

  test("settings that demand a known key are kept: nobody is asked", async () => {
    const { hosts, prompts, server } = await set({ known: false }, () => "yes");
    server.addHost("box", ["StrictHostKeyChecking yes"]);
    expect(await failure(hosts.check("box", true))).toMatchObject({ kind: "host-key-unknown" });
    expect(prompts).toEqual([]);
  });
});

describe("questions of ssh", () => {
  test("a passphrase is asked for in ssh's own words, and is kept nowhere", async () => {
    const secret = "correct horse battery";
    const { hosts, prompts, server, home, states } = await set({ passphrase: secret }, () => secret);
    await hosts.check("box", true);
    expect(prompts).toMatchObject([{ kind: "passphrase", text: `Enter passphrase for key '${server.identityFile}':`, hostKey: null }]);
    // The connection is shared from then on: no question again.
    await hosts.check("box", true);
    expect(prompts).toHaveLength(1);
    expect(JSON.stringify(states)).not.toContain(secret);
    for (const file of readdirSync(home.directory, { recursive: true, withFileTypes: true })) if (file.isFile()) expect(readFileSync(join(file.parentPath, file.name)).includes(secret), file.name).toBe(false);
  });

  test("a wrong passphrase is asked for again, and declining ends the login", async () => {
    let times = 0;
    const { hosts, prompts } = await set({ passphrase: "right" }, () => (++times < 3 ? "wrong" : null));
    expect(await failure(hosts.check("box", true))).toMatchObject({ kind: "not-answered" });
    expect(prompts.length).toBeGreaterThanOrEqual(3);
  });

  test("without anybody to ask, a key that needs a passphrase is refused at once", async () => {
    const { hosts, prompts } = await set({ passphrase: "right" });
    expect(await failure(hosts.check("box", false))).toMatchObject({ kind: "permission-denied" });
    expect(prompts).toEqual([]);
  });

  test("an agent's key and a certificate log in without a question", async () => {
    const { hosts, server, prompts } = await set({ configuration: [] });
    const run = (program: string, ...args: string[]) => execFileSync(program, args, { env: { ...process.env, SSH_AUTH_SOCK: join(server.folder, "agent") }, stdio: "pipe" });
    const agent = spawn("ssh-agent", ["-D", "-a", join(server.folder, "agent")], { stdio: "ignore" });
    ended.push(async () => agent.kill());
    await until(() => existsSync(join(server.folder, "agent")));
    run("ssh-add", "-q", server.identityFile);
    server.addHost("by-agent", ["HostName 127.0.0.1", `Port ${server.port}`, `IdentityAgent ${join(server.folder, "agent")}`, "IdentitiesOnly no", "IdentityFile none"]);
    expect((await hosts.check("by-agent", true)).link.status).toBe("connected");

    // A key that authorized_keys does not name, signed by an authority that it does.
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(server.folder, "authority"));
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(server.folder, "signed"));
    run("ssh-keygen", "-q", "-s", join(server.folder, "authority"), "-I", "person", "-n", server.user, join(server.folder, "signed.pub"));
    writeFileSync(join(server.folder, "authorized_keys"), `cert-authority ${readFileSync(join(server.folder, "authority.pub"), "utf8")}`);
    await hosts.save({ name: "by-certificate", target: { address: "127.0.0.1", port: server.port, identityFile: join(server.folder, "signed") }, python: "python3", runs: "~/runs" });
    expect((await hosts.check("by-certificate", true)).link.status).toBe("connected");
    expect([server.log.includes("ED25519-CERT"), prompts]).toEqual([true, []]);
    expect(await failure(hosts.check("box", true))).toMatchObject({ kind: "permission-denied" });
  });

  test("what only a person can mend is not tried in the background again, until somebody logs in", async () => {
    const { hosts, server } = await set({ passphrase: "right" }, () => "right");
    const connected: string[] = [];
    hosts.onConnected = (name) => connected.push(name);
    expect((await hosts.open("box", "true").closed).failure).toMatchObject({ kind: "permission-denied" });
    await until(() => server.log.includes("Connection closed by authenticating user"));
    const { length } = server.log;
    expect(() => hosts.open("box", "true")).toThrow("box refused the login");
    expect([server.log.length, connected]).toEqual([length, []]);
    await hosts.prepare("box");
    expect(await hosts.open("box", "true").closed).toEqual({ code: 0, signal: null, failure: null });
    expect(connected).toEqual(["box"]);
  });

  test("another process of the same person can't ask without the login's token", async () => {
    const { hosts, prompts, server } = await set({ known: false });
    // While the login waits for its answer.
    const login = hosts.check("box", true).catch(() => {});
    await until(() => prompts.length > 0);
    await login;
    const folder = hosts.sshOptions.controlFolder, socket = join(folder, `ask-${process.pid}`);
    expect(statSync(socket).mode & 0o077).toBe(0);
    const closed = await new Promise((resolve) => connect(socket).once("close", resolve).on("error", () => {}).write(`${JSON.stringify({ token: "guess", hint: "", text: "Password:" })}\n`));
    expect(closed).toBe(false);
    expect([prompts.length, existsSync(server.folder)]).toEqual([1, true]);
  });

  test("a jump host's question comes the same way", async () => {
    const { hosts, prompts, server } = await set({ known: false }, () => "yes");
    server.addHost("inner", ["HostName localhost", `HostKeyAlias inner`, `Port ${server.port}`, `User ${server.user}`, "ProxyJump box"]);
    expect((await hosts.check("inner", true)).link.status).toBe("connected");
    expect(prompts.map(({ kind, hostKey }) => [kind, hostKey!.name])).toEqual([["host-key", `[127.0.0.1]:${server.port}`], ["host-key", expect.stringContaining("inner")]]);
  });
});

describe("the link", () => {
  test("that is cut is unreachable since then, and reachable again once it is back", async () => {
    const { hosts, server, box } = await set();
    await hosts.check("box", true);
    const connected = box().link.since!;
    await server.stop();
    await until(() => box().link.status === "unreachable");
    const { since, failure: lost } = box().link;
    expect(since).toBeGreaterThanOrEqual(connected);
    expect(lost).toMatchObject({ kind: "closed" });
    expect(await failure(hosts.check("box", true))).toMatchObject({ kind: "refused" });
    expect(box().link).toMatchObject({ status: "unreachable", since, failure: { kind: "refused" } });
    await server.listen();
    await hosts.check("box", true);
    expect(box().link).toMatchObject({ status: "connected", failure: null });
  });

  test("that was lost comes back by itself once the host does, unless the person ended it", async () => {
    const { hosts, server, box, states } = await set();
    await hosts.check("box", true);
    await server.stop();
    await until(() => box().link.status === "unreachable");
    const { since } = box().link;
    await until(() => box().link.failure!.kind === "refused", 5000, "the first try");
    expect(box().link.since).toBe(since);
    const tried = states.length;
    await server.listen();
    await until(() => box().link.status === "connected", 10_000, "the second try");
    // No try in the background shows as "connecting".
    expect(states.slice(tried).map(({ hosts: [first] }) => first!.link.status)).not.toContain("connecting");
    await hosts.disconnect("box");
    await server.restart();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect([box().link.status, server.connections()]).toEqual(["idle", []]);
  });

  test("whose key changes meanwhile is not tried again and again", async () => {
    const { hosts, server, box } = await set();
    await hosts.check("box", true);
    await server.replaceHostKey();
    await until(() => box().link.failure?.kind === "host-key-changed", 6000, "the first try");
    const { length } = server.log;
    await new Promise((resolve) => setTimeout(resolve, 5000));
    expect(server.log.length).toBe(length);
    expect(box().link.failure!.changedKey!.offered!.fingerprint).toBe(server.fingerprint);
  });

  test("logins to one host at the same time are one", async () => {
    const { hosts, server } = await set();
    await Promise.all([hosts.connect("box", false), hosts.connect("box", false), hosts.connect("box", true)]);
    expect(server.log.match(/Accepted publickey/g)).toHaveLength(1);
    const channel = hosts.open("box", "echo hello");
    expect(await new Promise((resolve) => channel.stdout.once("data", (data) => resolve(String(data))))).toBe("hello\n");
    expect(server.log.match(/Accepted publickey/g)).toHaveLength(1);
  });

  test("is ended by disconnecting, and the next use logs in again", async () => {
    const { hosts, server, box } = await set();
    await hosts.check("box", true);
    await hosts.disconnect("box");
    expect(box().link.status).toBe("idle");
    await until(() => server.connections().length === 0);
    await hosts.check("box", true);
    expect(server.log.match(/Accepted publickey/g)).toHaveLength(2);
  });
});

describe("a forwarded port", () => {
  test("leads to the host's dashboard, on 127.0.0.1 alone, until it is closed", async () => {
    const { hosts, box } = await set();
    const dashboard = createServer((_, response) => response.writeHead(200, { Connection: "close" }).end("dashboard")).listen(0, "127.0.0.1");
    await new Promise((resolve) => dashboard.once("listening", resolve));
    ended.push(() => new Promise((resolve) => { dashboard.closeAllConnections(); dashboard.close(resolve); }));
    const { port } = dashboard.address() as { port: number };
    const forward = await hosts.openForward("box", port, "TensorBoard");
    expect(forward).toMatchObject({ host: "box", label: "TensorBoard", remotePort: port, url: `http://127.0.0.1:${forward.localPort}/`, answers: true });
    expect(await (await fetch(forward.url)).text()).toBe("dashboard");
    expect((await hosts.openForward("box", port, "TensorBoard")).id).toBe(forward.id);
    await hosts.closeForward(forward.id);
    await expect(fetch(forward.url)).rejects.toThrow();
    expect([hosts.state().forwards, box().link.status]).toEqual([[], "connected"]);
  });

  test("to where nothing listens says so, and goes with the link", async () => {
    const { hosts, server } = await set();
    const gone = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => gone.once("listening", resolve));
    const { port } = gone.address() as { port: number };
    await new Promise((resolve) => gone.close(resolve));
    expect(await hosts.openForward("box", port, "")).toMatchObject({ answers: false, label: `port ${port}` });
    server.cut();
    await until(() => hosts.state().forwards.length === 0);
  });

  test("that the host forbids is refused in a sentence", async () => {
    const { hosts } = await set({ configuration: ["AllowTcpForwarding no"] });
    // ssh grants the local end and the host refuses each use of it.
    expect(await hosts.openForward("box", 6006, "")).toMatchObject({ answers: false });
  });
});

describe("the list", () => {
  const host = (name: string, target: Host["target"] = { address: "127.0.0.1" }): Host => ({ name, target, python: "python3", runs: "~/runs" });

  test("holds what was added and what ~/.ssh/config names; added ones stand in front and win", async () => {
    const { hosts, home } = await set();
    for (const name of ["tpu-10", "tpu-1", "tpu-0"]) await hosts.save(host(name));
    expect(hosts.state().hosts.map(({ name, source }) => [name, source])).toEqual([["tpu-0", "added"], ["tpu-1", "added"], ["tpu-10", "added"], ["box", "config"]]);
    await hosts.remove("tpu-10");
    await hosts.save({ ...host("box"), target: { address: "box" }, python: "~/venv/bin/python" });
    expect(hosts.host("box").python).toBe("~/venv/bin/python");
    hosts.saveCluster({ name: "pod", workers: ["tpu-0", "tpu-1"] });
    expect(hosts.workers("pod").map(({ name }) => name)).toEqual(["tpu-0", "tpu-1"]);
    const again = new Hosts(home.directory, "/nowhere");
    ended.push(() => again.close());
    expect(again.state()).toMatchObject({ hosts: [{ name: "box" }, { name: "tpu-0" }, { name: "tpu-1" }], clusters: [{ name: "pod" }], problems: [] });
    expect(statSync(join(home.directory, "hosts.json")).mode & 0o777).toBe(0o600);
  });

  test("refuses what would not fit together, in a sentence", async () => {
    const { hosts } = await set();
    await hosts.save(host("tpu-0"));
    expect(() => hosts.saveCluster({ name: "pod", workers: ["tpu-9"] })).toThrow('There is no host "tpu-9"');
    expect(() => hosts.saveCluster({ name: "tpu-0", workers: ["tpu-0"] })).toThrow('A host is called "tpu-0"');
    hosts.saveCluster({ name: "pod", workers: ["tpu-0", "box"] });
    await expect(hosts.save(host("pod"))).rejects.toThrow('A cluster is called "pod"');
    await expect(hosts.remove("tpu-0")).rejects.toThrow('is a worker of the cluster "pod"');
    await expect(hosts.remove("box")).rejects.toThrow('"box" was not added here');
    await expect(hosts.check("nobody", true)).rejects.toThrow('There is no host "nobody"');
    hosts.removeCluster("pod");
    await hosts.remove("tpu-0");
    expect(hosts.state().hosts.map(({ name }) => name)).toEqual(["box"]);
  });

  test("of a damaged file is set aside and says so", async () => {
    const home = temporaryHome();
    writeFileSync(join(home.directory, "hosts.json"), "{");
    const hosts = new Hosts(home.directory, "/nowhere");
    ended.push(() => hosts.close());
    expect(hosts.state().problems).toEqual([expect.stringContaining("hosts.json.damaged; add its hosts again")]);
    expect(existsSync(join(home.directory, "hosts.json.damaged"))).toBe(true);
  });
});
