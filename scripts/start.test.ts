// npm start where Electron's download is refused: the program itself, with a mirror that nobody listens at.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "switchyard-start-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts it, and does what is asked as soon as it says where it is: by default ends it. */
function start(home: string, words: string[], environment: NodeJS.ProcessEnv, served: (end: () => void) => void = (end) => end()): Promise<{ code: number | null; out: string; error: string; port: string | undefined }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "start.ts"), "--home", home, ...words], {
    env: {
      ...process.env, XDG_STATE_HOME: folder, DISPLAY: ":99", WAYLAND_DISPLAY: "", SWITCHYARD_OFFLINE: "", PATH: join(folder, "empty"), SWITCHYARD_CHROMIUM: join(folder, "no-chromium"),
      ELECTRON_OVERRIDE_DIST_PATH: join(folder, "no-electron"), ELECTRON_MIRROR: "http://127.0.0.1:9/", electron_config_cache: join(folder, "cache"), ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "", error = "";
  child.stderr.on("data", (data: Buffer) => { error += String(data); });
  return new Promise((resolve) => {
    child.stdout.on("data", (data: Buffer) => {
      out += String(data);
      if (out.includes("Ctrl-C")) served(() => child.kill("SIGTERM"));
    });
    child.on("exit", (code) => resolve({ code, out, error, port: /127\.0\.0\.1:(\d+)\//.exec(out)?.[1] }));
  });
}

test("one plain line says that Electron is not here, why, and what happens instead", async () => {
  const { code, out, error } = await start(join(folder, "home"), [], {});
  expect(code).toBe(0);
  expect(out.split("\n")[0]).toBe("Electron is not here (its download server can't be reached), so the window opens in Chromium instead.");
  expect(error).toBe("▸ Fetching Electron's binary, once …\n");
  const again = await start(join(folder, "home"), [], {});
  expect(again.error).toBe("");
  expect(again.out.split("\n")[0]).toMatch(/^Electron is not here \(its download server can't be reached; it is tried again tomorrow, or once .*electron-failure\.txt is deleted\), so the window opens in Chromium instead\.$/);
  expect((await start(join(folder, "home"), [], { DISPLAY: "" })).out.split("\n")[0]).toBe("There is no display here, so Switchyard is served for a browser.");
});

test("--port is where it is served", async () => {
  const { port } = await start(join(folder, "first"), ["--browser"], {});
  expect((await start(join(folder, "second"), ["--browser", "--port", port!], {})).port).toBe(port);
});

test("a second start hands its address to the window that is open, and ends; the first serves on", async () => {
  const chromium = join(folder, "chromium");
  // Ends at once and well, as Chromium does where one of the same profile runs.
  writeFileSync(chromium, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  const home = join(folder, "shared"), environment = { SWITCHYARD_CHROMIUM: chromium };
  let second: ReturnType<typeof start> | undefined;
  const first = await start(home, ["--browser"], environment, (end) => {
    second ??= start(home, ["--browser"], environment, () => {});
    void second.then(end);
  });
  expect(await second).toMatchObject({ code: 0, port: first.port, out: expect.stringContaining("A window of Switchyard is open already; it shows this address.") });
  expect(first.code).toBe(0);
});
