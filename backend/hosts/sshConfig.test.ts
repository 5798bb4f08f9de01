// Which hosts a configuration names, and where ssh would go by it.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { configuredHosts, resolveHost } from "./sshConfig.ts";

const home = mkdtempSync(join(tmpdir(), "switchyard-config-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const write = (name: string, text: string) => {
  mkdirSync(dirname(join(home, name)), { recursive: true });
  writeFileSync(join(home, name), text, { mode: 0o600 });
};

test("Host entries are listed in their order, through Include, without patterns", () => {
  write(".ssh/config", `
# Host commented
Include conf.d/*.conf
Include ~/elsewhere
  host   tpu-0 tpu-1   # workers
Host=lab "gpu box" gpu-box
HOST *.example.org !bad ?x tpu-0
Match host tpu-9 exec "true"
  Include ${home}/.ssh/inside-match
Hostname not-a-host
Host -oProxyCommand=x a;b ${"x".repeat(65)}
`);
  write(".ssh/conf.d/b.conf", "Host second\n");
  write(".ssh/conf.d/a.conf", "Host first\n  User me\nInclude a.conf\n");
  write("elsewhere", "Host third\r\n");
  write(".ssh/inside-match", "Host fourth\n");
  expect(configuredHosts(null, home)).toEqual({ names: ["first", "second", "third", "tpu-0", "tpu-1", "lab", "gpu-box", "fourth"], problems: [] });
});

test("a configuration that includes itself ends, and one that is not there names nobody", () => {
  write("loop/config", `Include ${home}/loop/config\nHost only\n`);
  expect(configuredHosts(join(home, "loop/config"), home).names).toEqual(["only"]);
  expect(configuredHosts(join(home, "none"), home)).toEqual({ names: [], problems: [] });
});

test.skipIf(process.getuid?.() === 0)("one that can't be read is named", () => {
  write("closed/config", "Host x\n");
  chmodSync(join(home, "closed/config"), 0);
  expect(configuredHosts(join(home, "closed/config"), home).problems).toEqual([expect.stringContaining("can't be read (permission denied)")]);
});

test("ssh itself says where it would go: Match, ProxyJump and what is given by hand", async () => {
  write("ssh_config", "Match originalhost far exec true\n  HostName 10.1.2.3\n  ProxyJump bastion\nHost far near\n  User somebody\n  Port 2200\n  IdentityFile ~/.ssh/far\n");
  const configFile = join(home, "ssh_config");
  expect(await resolveHost({ address: "far" }, configFile)).toMatchObject({ hostname: "10.1.2.3", user: "somebody", port: 2200, proxy: "bastion", identityFiles: ["~/.ssh/far"] });
  expect(await resolveHost({ address: "near", user: "me", port: 22 }, configFile)).toMatchObject({ hostname: "near", user: "me", port: 22, proxy: null });
  writeFileSync(configFile, "NoSuchOption yes\n");
  await expect(resolveHost({ address: "far" }, configFile)).rejects.toThrow(/ssh does not accept its own configuration: line 1: Bad configuration option: nosuchoption/);
});
