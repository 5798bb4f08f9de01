// The link itself, against a real sshd on loopback: what comes back, and what is said when it doesn't.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { HostTarget } from "../../contract/hosts.ts";
import { SshServer } from "../fixtures/sshServer.ts";
import { controlFolder } from "./controlFolder.ts";
import { controlPath, openChannel, runOnHost, sshArguments, targetArguments } from "./ssh.ts";
import { failureOf } from "./sshFailure.ts";

const server = await SshServer.start();
afterAll(() => server.end());

describe("arguments", () => {
  const shared = { controlFolder: "/run/user/1/x", configFile: null };
  test("the address follows --, the command is one argument, and nothing of the person's is forwarded", () => {
    const args = sshArguments({ address: "tpu", user: "me", port: 2222, identityFile: "~/.ssh/tpu", jump: "bastion" }, "exec python3 -", shared);
    expect(args.slice(-3)).toEqual(["--", "tpu", "exec python3 -"]);
    expect(args.join(" ")).toContain("-l me -p 2222 -i ~/.ssh/tpu -o IdentitiesOnly=yes -J bastion");
    for (const option of ["ForwardAgent=no", "ClearAllForwardings=yes", "PermitLocalCommand=no", "BatchMode=yes", "ServerAliveInterval=15", "ServerAliveCountMax=3", "ControlMaster=auto", expect.stringMatching(/^ControlPath=\/run\/user\/1\/x\/[0-9a-f]{16}$/)]) expect(args).toContainEqual(option);
    expect(args.join(" ")).not.toMatch(/StrictHostKeyChecking|UserKnownHostsFile/);
  });

  test.each(["-oProxyCommand=touch x", "-F/etc/passwd", "", "a b", "a\nb", "$(x)", "a;b", "a'b"])("%j is no address", (address) => {
    expect(HostTarget.safeParse({ address }).success).toBe(false);
  });
  test.each(["tpu", "tpu-v5e.example.org", "10.0.0.7", "2001:db8::1", "fe80::1%eth0", "[::1]", "user_host"])("%j is one", (address) => {
    expect(HostTarget.parse({ address })).toEqual({ address });
  });
  test("a name that begins with a dash is refused even where no schema stood before", () => {
    expect(() => targetArguments({ address: "-oProxyCommand=x" }, null)).toThrow("begins with a dash");
    expect(() => targetArguments({ address: "a", jump: "-oProxyCommand=x" }, null)).toThrow("begins with a dash");
  });

  test("the sockets' folder is closed to others and short enough", () => {
    const folder = controlFolder("/home/somebody/with/a/very/long/path", null);
    expect(Buffer.byteLength(folder)).toBeLessThanOrEqual(40);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(controlFolder("/home/somebody/with/a/very/long/path", null)).toBe(folder);
    rmSync(folder, { recursive: true });
  });
});

describe("a channel", () => {
  test("carries bytes both ways and ends with the command's code", async () => {
    const channel = openChannel(server.target, "cat; echo said >&2; exit 3", server.options);
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 256));
    const got: Buffer[] = [];
    channel.stdout.on("data", (data: Buffer) => got.push(data));
    channel.stdin.end(bytes);
    expect(await channel.closed).toEqual({ code: 3, signal: null, failure: null });
    expect(Buffer.concat(got).equals(bytes)).toBe(true);
    expect(channel.stderr()).toContain("said");
  });

  test("sessions live under the home of the test", async () => {
    expect((await runOnHost(server.target, "echo $HOME; pwd", server.options)).stdout).toBe(`${server.home}\n${server.home}\n`);
  });

  test("a flood is cut at its limit, and a command that never ends at its time", async () => {
    const flood = await runOnHost(server.target, "yes", server.options, { limit: 10_000 });
    expect([flood.cut, flood.stdout.length]).toEqual([true, 10_000]);
    expect((await runOnHost(server.target, "sleep 60", server.options, { seconds: 1 })).timedOut).toBe(true);
  });

  test("a shared connection logs in once, and its end is not held up by the process that keeps it", async () => {
    const folder = controlFolder(server.folder, server.configFile), shared = { ...server.options, controlFolder: folder };
    const logins = () => server.log.match(/Accepted publickey/g)?.length ?? 0;
    const before = logins();
    for (let i = 0; i < 3; i++) expect((await runOnHost(server.target, `echo ${i}`, shared)).stdout).toBe(`${i}\n`);
    expect(logins() - before).toBe(1);
    execFileSync("ssh", ["-F", server.configFile, "-o", `ControlPath=${controlPath(folder, server.target)}`, "-O", "exit", server.alias], { stdio: "ignore" });
    rmSync(folder, { recursive: true });
  });

  test("a jump host is gone through", async () => {
    server.addHost("inner", ["HostName 127.0.0.1", `Port ${server.port}`, `User ${server.user}`, `ProxyJump ${server.alias}`]);
    const before = server.log.length;
    expect(await runOnHost({ address: "inner" }, "echo through", server.options)).toMatchObject({ stdout: "through\n", failure: null });
    expect(server.log.slice(before).match(/Accepted publickey/g)).toHaveLength(2);
  });

  test("a cut connection is said to be closed", async () => {
    const channel = openChannel(server.target, "echo there; cat", server.options);
    await new Promise((resolve) => channel.stdout.once("data", resolve));
    server.cut();
    expect((await channel.closed).failure).toMatchObject({ kind: "closed", message: "The connection to box was closed by the other side." });
  });
});

describe("failures are sentences with a remedy", () => {
  const failure = async (target: HostTarget, configFile = server.configFile, program?: string) =>
    (await runOnHost(target, "true", { controlFolder: null, configFile, ...(program ? { program } : {}) })).failure;

  test("a missing program there, and a missing ssh here", async () => {
    expect((await runOnHost(server.target, "exec no-such-program", server.options)).failure).toMatchObject({ kind: "command-missing" });
    expect(await failure(server.target, server.configFile, "/nowhere/ssh")).toMatchObject({ kind: "no-ssh", remedy: expect.stringContaining("openssh-client") });
  });

  test("a person's quiet configuration does not hide the reason", async () => {
    server.addHost("quiet", ["HostName 127.0.0.1", "Port 1", "LogLevel QUIET"]);
    expect(await failure({ address: "quiet" })).toMatchObject({ kind: "refused" });
  });

  test("a refused login", async () => {
    const keys = join(server.folder, "authorized_keys"), before = readFileSync(keys);
    writeFileSync(keys, "");
    const found = await failure(server.target);
    writeFileSync(keys, before);
    expect(found).toMatchObject({ kind: "permission-denied", message: "box refused the login (it offers publickey)." });
  });

  test("an unknown key and a changed one", async () => {
    const before = readFileSync(server.knownHosts);
    writeFileSync(server.knownHosts, "");
    expect(await failure(server.target)).toMatchObject({ kind: "host-key-unknown" });
    writeFileSync(server.knownHosts, before);
    await server.replaceHostKey();
    expect(await failure(server.target)).toMatchObject({ kind: "host-key-changed", detail: expect.stringContaining(server.fingerprint) });
    writeFileSync(server.knownHosts, "");
    server.know();
    expect(await failure(server.target)).toBeNull();
  });

  test("a key that is known by a machine's own name stays with it when its address passes to another", async () => {
    const before = readFileSync(server.knownHosts, "utf8"), [type, key] = readFileSync(`${server.hostKey}.pub`, "utf8").split(" ");
    const first = { ...server.target, hostKeyAlias: "tpu.1-0" }, second = { ...server.target, hostKeyAlias: "tpu.2-0" };
    // Known by its address is not known by its name.
    expect(await failure(first)).toMatchObject({ kind: "host-key-unknown" });
    writeFileSync(server.knownHosts, `${before}tpu.1-0 ${type} ${key}\n`);
    expect(await failure(first)).toBeNull();
    await server.replaceHostKey();
    expect(await failure(first)).toMatchObject({ kind: "host-key-changed" });
    expect(await failure(second)).toMatchObject({ kind: "host-key-unknown" });
    // Connections to both are not shared either.
    expect(controlPath("/x", first)).not.toBe(controlPath("/x", second));
    writeFileSync(server.knownHosts, "");
    server.know();
  });

  test("nobody listens, a name without address, a broken configuration", async () => {
    await server.stop();
    expect(await failure(server.target)).toMatchObject({ kind: "refused", message: `127.0.0.1 refuses connections at port ${server.port}: no SSH server listens there.` });
    await server.listen();
    expect(await failure({ address: "no-such-name.invalid" })).toMatchObject({ kind: "name-unknown", message: expect.stringContaining("no-such-name.invalid") });
    const broken = join(server.folder, "broken");
    writeFileSync(broken, "NoSuchOption yes\n");
    expect(await failure(server.target, broken)).toMatchObject({ kind: "bad-configuration", message: expect.stringContaining("line 1") });
  });

  test("words of the other side can't move a cursor or forge a line", () => {
    expect(failureOf("h", "\u001b[2Jssh: weird\u0007\u202e end\r\n", 255, false)).toMatchObject({ kind: "other", message: "The link to h failed: ssh: weird end", detail: "ssh: weird end" });
    expect(failureOf("h", "anything", 0, false)).toBeNull();
  });
});
