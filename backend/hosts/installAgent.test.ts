// The agent as one file: the same bytes from the same sources, and a program for every Python that it is for, with what such a Python may lack.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FrameReader, frameOf } from "./frames.ts";
import { agentProgram } from "./installAgent.ts";
import { storedZip } from "./storedZip.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-agent-")), agent = join(folder, "agent.pyz"), program = agentProgram();
writeFileSync(agent, program.bytes);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Those of PATH and of pyenv, by version; a name may lead to a version that is not installed. */
function pythons(): Map<string, string> {
  const pyenv = join(homedir(), ".pyenv/versions"), found = new Map<string, string>();
  const names = ["python3", ...Array.from({ length: 12 }, (_, minor) => `python3.${minor + 3}`), "/usr/bin/python3", ...(existsSync(pyenv) ? readdirSync(pyenv).map((version) => join(pyenv, version, "bin/python3")) : [])];
  for (const name of names) {
    const { status, stdout } = spawnSync(name, ["-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"], { encoding: "utf8" });
    if (status === 0 && !found.has(stdout.trim())) found.set(stdout.trim(), name);
  }
  return found;
}
const suited = [...pythons()].filter(([version]) => Number(version.split(".")[1]) >= 8);

test("an archive is the same for the same files, and Python reads it as it was written", () => {
  const files = new Map([["b.py", Buffer.from("two")], ["a/deep.py", Buffer.from("one")], ["empty", Buffer.alloc(0)]]);
  const bytes = storedZip(files), path = join(folder, "some.zip");
  expect(storedZip(new Map([...files].toReversed())).equals(bytes)).toBe(true);
  writeFileSync(path, bytes);
  const look = "import sys, zipfile; zip = zipfile.ZipFile(sys.argv[1]); print(zip.testzip(), [(one.filename, one.date_time[0], one.compress_type, zip.read(one).decode()) for one in zip.infolist()])";
  expect(spawnSync("python3", ["-c", look, path], { encoding: "utf8" }).stdout.trim()).toBe("None [('a/deep.py', 1980, 0, 'one'), ('b.py', 1980, 0, 'two'), ('empty', 1980, 0, '')]");
  expect(agentProgram().sha256).toBe(program.sha256);
});

/** The first answer of an agent that was greeted. Its input stays open until then, since its end is the agent's own. */
async function greet(python: string, words: string[]): Promise<unknown> {
  const child = spawn(python, ["-u", ...words, "serve"], { stdio: ["pipe", "pipe", "inherit"] }), reader = new FrameReader();
  child.stdin.write(frameOf({ verb: "hello", id: 1, home: join(folder, "home"), runs: join(folder, "runs") }));
  try {
    for await (const data of child.stdout) for (const message of reader.feed(data as Buffer)) return message;
    return "it ended without an answer";
  } finally {
    child.kill();
  }
}

test.each(suited)("Python %s runs it", { timeout: 30_000 }, async (_, python) => {
  const greeting = { id: 1, ok: expect.objectContaining({ protocol: 1, agent: program.sha256, runs: join(folder, "runs") }) };
  expect(await greet(python, [agent])).toEqual(greeting);
  // An interpreter that was built without zlib.
  const without = "import sys, runpy; sys.modules['zlib'] = None; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')";
  expect(await greet(python, ["-c", without, agent])).toEqual(greeting);
});
