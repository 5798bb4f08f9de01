// serve twice on one home: the second says where the first is, and ends.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryHome } from "./fixtures/temporaryHome.ts";

const SERVE = fileURLToPath(new URL("./serve.ts", import.meta.url));

test("the second prints the line of the first and says plainly that its own port is not used", async () => {
  const home = temporaryHome();
  const first = spawn(process.execPath, [SERVE, "--home", home.directory], { stdio: ["ignore", "pipe", "inherit"] });
  const ready = JSON.parse(String((await once(first.stdout, "data"))[0])) as { port: number; pid: number };
  const wanted = ready.port === 40_000 ? 40_001 : 40_000;
  for (const [words, note] of [[[], ""], [["--port", String(ready.port)], ""], [["--port", String(wanted)], `; port ${wanted} is not used`]] as const) {
    const second = spawnSync(process.execPath, [SERVE, "--home", home.directory, ...words], { encoding: "utf8", timeout: 10_000 });
    expect(second.status).toBe(0);
    expect(JSON.parse(second.stdout)).toEqual(ready);
    expect(second.stderr).toBe(`Switchyard already serves ${home.directory} at http://127.0.0.1:${ready.port}/ (process ${ready.pid})${note}. End that one first to serve it elsewhere.\n`);
  }
  first.kill("SIGTERM");
  await once(first, "exit");
});
