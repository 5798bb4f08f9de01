// The steps of the bootstrap, each over real files and processes in a folder of its own.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { acquireLock } from "./lock.mjs";
import { forgetOtherSources } from "./nativeAddon.mjs";
import { node24, root } from "./paths.mjs";
import { ensurePythonEnvironment, pythonEnvironmentFolder } from "./pythonEnvironment.mjs";
import { contentHash, filesBelow, readStamp, statusHash, writeStamp } from "./stamp.mjs";
import { ensureSystemPackages, installCommand, testRequirements } from "./systemPackages.mjs";

const folder = mkdtempSync(join(tmpdir(), "switchyard-bootstrap-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("hashes follow contents, names and, where asked, times", () => {
  const base = join(folder, "sources");
  mkdirSync(join(base, "a/node_modules"), { recursive: true });
  writeFileSync(join(base, "a/one.ts"), "1");
  writeFileSync(join(base, "a/node_modules/skipped.ts"), "1");
  expect(filesBelow(base, ["a", "missing"])).toEqual(["a/one.ts"]);
  const [content, status] = [contentHash(base, ["a"]), statusHash(base, ["a"])];
  utimesSync(join(base, "a/one.ts"), 1, 1);
  expect(contentHash(base, ["a"])).toBe(content);
  expect(statusHash(base, ["a"])).not.toBe(status);
  writeFileSync(join(base, "a/one.ts"), "2");
  expect(contentHash(base, ["a"])).not.toBe(content);
});

test("a build folder that came from elsewhere is configured anew, one of this place is kept", () => {
  const build = join(folder, "native"), cache = join(build, "CMakeCache.txt");
  mkdirSync(join(build, "CMakeFiles"), { recursive: true });
  writeFileSync(cache, `X:STRING=1\nCMAKE_HOME_DIRECTORY:INTERNAL=${folder}\n`);
  forgetOtherSources(build, folder);
  expect(existsSync(cache)).toBe(true);
  forgetOtherSources(build, join(folder, "moved"));
  expect([existsSync(cache), existsSync(join(build, "CMakeFiles"))]).toEqual([false, false]);
});

test("a stamp is read back, and a missing one is undefined", () => {
  const stamp = join(folder, "deep/stamp");
  expect(readStamp(stamp)).toBeUndefined();
  writeStamp(stamp, "value");
  expect(readStamp(stamp)).toBe("value");
});

test("a lock lets one in at a time and is free again when its holder is killed", async () => {
  const path = join(folder, "lock");
  const program = `import(${JSON.stringify(join(root, "scripts/bootstrap/lock.mjs"))}).then((m) => m.acquireLock(${JSON.stringify(path)})).then(() => { console.log("locked"); setInterval(() => {}, 1000); })`;
  const holder = spawn(node24, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => holder.stdout.once("data", resolve));
  let waited = false;
  const second = acquireLock(path, () => { waited = true; });
  expect(await Promise.race([second.then(() => "locked"), new Promise((resolve) => setTimeout(resolve, 800, "waiting"))])).toBe("waiting");
  expect(waited).toBe(true);
  holder.kill("SIGKILL");
  await (await second)();
});

test("a missing system package names what is missing and the command that installs it", async () => {
  const requirement = { name: "a thing that does not exist", packages: ["switchyard-no-such-package"], present: () => false };
  const offline = process.env["SWITCHYARD_OFFLINE"];
  process.env["SWITCHYARD_OFFLINE"] = "1";
  try {
    await expect(ensureSystemPackages([requirement])).rejects.toMatchObject({
      why: expect.stringContaining("a thing that does not exist"),
      remedy: expect.stringContaining("apt-get install -y --no-install-recommends switchyard-no-such-package"),
    });
  } finally {
    if (offline === undefined) delete process.env["SWITCHYARD_OFFLINE"];
    else process.env["SWITCHYARD_OFFLINE"] = offline;
  }
});

test("an unknown command is refused with the ones there are", () => {
  const { status, stderr, stdout } = spawnSync(node24, [join(root, "scripts/enter.mjs"), "strat"], { encoding: "utf8" });
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("start, test, bench");
});

test("the libtorch that is missing offline is a sentence with a remedy, not a stack trace", () => {
  const program = `import(${JSON.stringify(join(root, "scripts/bootstrap/libtorch.mjs"))}).then((m) => m.ensureLibtorch()).catch((e) => console.log(JSON.stringify(e)))`;
  const { stdout } = spawnSync(node24, ["-e", program], { encoding: "utf8", env: { ...process.env, XDG_CACHE_HOME: join(folder, "cache"), SWITCHYARD_OFFLINE: "1" } });
  expect(JSON.parse(stdout)).toMatchObject({ name: "StepFailure", remedy: "Unset SWITCHYARD_OFFLINE and start again with a network." });
});

test("wheels are unpacked side by side, and one that points outside is refused", () => {
  const wheels = join(folder, "wheels");
  mkdirSync(wheels);
  const make = (name: string, path: string) => spawnSync("python3", ["-c", "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr(sys.argv[2], 'text')", join(wheels, name), path]);
  const unpack = (target: string) => spawnSync("python3", [join(root, "scripts/bootstrap/unpackWheels.py"), wheels, join(folder, target)], { encoding: "utf8" });
  make("a.whl", "torch/lib/a.so");
  make("b.whl", "nvidia/cu13/lib/b.so");
  expect(unpack("good").status).toBe(0);
  expect(readFileSync(join(folder, "good/nvidia/cu13/lib/b.so"), "utf8")).toBe("text");
  make("c.whl", "../outside.so");
  expect(unpack("bad")).toMatchObject({ status: 1, stderr: expect.stringContaining("outside its folder") });
});

test("a service that a test's package brings is named in the command that installs it, and left at rest", () => {
  const server = testRequirements.filter(({ packages }) => packages.includes("openssh-server"));
  expect(installCommand(server)).toMatch(/^(sudo )?apt-get install -y --no-install-recommends openssh-server && (sudo )?systemctl disable --now ssh$/);
  const slurm = testRequirements.filter(({ packages }) => packages.some((name) => /^(munge|slurm)/.test(name)));
  for (const service of ["munge", "slurmctld", "slurmd"]) expect(installCommand(slurm)).toContain(`systemctl disable --now ${service}`);
  expect(installCommand(testRequirements.filter((one) => !server.includes(one) && !slurm.includes(one)))).not.toContain("systemctl");
});

test("Python's packages are installed once for each set of versions, and not without a network", async () => {
  const before = { XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"], SWITCHYARD_OFFLINE: process.env["SWITCHYARD_OFFLINE"] };
  Object.assign(process.env, { XDG_CACHE_HOME: join(folder, "cache"), SWITCHYARD_OFFLINE: "1" });
  try {
    await expect(ensurePythonEnvironment()).rejects.toMatchObject({ what: "Python packages can't be installed", why: expect.stringContaining(pythonEnvironmentFolder()) });
    // Half of an environment is none.
    mkdirSync(join(pythonEnvironmentFolder(), "bin"), { recursive: true });
    await expect(ensurePythonEnvironment()).rejects.toMatchObject({ what: "Python packages can't be installed" });
    writeStamp(join(pythonEnvironmentFolder(), ".complete"), "pins");
    expect(await ensurePythonEnvironment()).toBe(join(pythonEnvironmentFolder(), "bin/python3"));
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});
