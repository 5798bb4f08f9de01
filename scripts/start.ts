// npm start: the desktop window where there is Electron and a display, otherwise the same interface in Chromium, or served
// for a browser elsewhere.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Backend, startBackend } from "../electron/backend.ts";
import { node24, root, stateFolder } from "./bootstrap/paths.mjs";
import { chromiumArguments, findChromium } from "./chromium.mjs";
import { fetchElectron, missingLibraries, withoutElectron } from "./electronBinary.ts";
import { parseStartOptions, type StartOptions, usage } from "./startOptions.ts";

const say = (text: string) => void process.stdout.write(text + "\n");
const isRoot = process.getuid?.() === 0;

async function main(): Promise<number> {
  let options: StartOptions;
  try {
    options = parseStartOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    return 2;
  }
  if (options.help) {
    say(usage);
    return 0;
  }
  const display = Boolean(process.env["DISPLAY"] || process.env["WAYLAND_DISPLAY"]);
  const chromium = display ? findChromium() : undefined;
  let why = chromium ? null : display ? "Chromium is not here, so Switchyard is served for a browser." : "There is no display here, so Switchyard is served for a browser.";
  if (display && !options.browserOnly) {
    const electron = fetchElectron();
    const missing = "path" in electron ? missingLibraries(electron.path) : [];
    if ("path" in electron && missing.length === 0) return await runElectron(electron.path, options);
    why = withoutElectron("reason" in electron ? electron.reason : `it needs ${missing.join(", ")}, which this system lacks`, chromium !== undefined);
  }
  if (why) say(why);
  return await serveWithBrowser(options, chromium);
}

function runElectron(electron: string, { home, port }: StartOptions): Promise<number> {
  if (isRoot) say("Electron runs without its sandbox, because it has none for root.");
  const child = spawn(electron, [...(isRoot ? ["--no-sandbox"] : []), root], {
    stdio: "inherit",
    env: { ...process.env, ...(home === undefined ? {} : { SWITCHYARD_HOME: home }), ...(port === 0 ? {} : { SWITCHYARD_PORT: String(port) }) },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill("SIGTERM"));
  return new Promise((resolve) => {
    child.on("error", () => resolve(1));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

async function serveWithBrowser({ home, port }: StartOptions, chromium: string | undefined): Promise<number> {
  const stop = new Promise<"stop">((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve("stop"));
  });
  let backend: Backend;
  try {
    backend = await startBackend({ root, node: node24, home, renderer: join(root, "dist/renderer"), port });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  say(`\nSwitchyard is at ${backend.url}`);
  if (!chromium) {
    const there = new URL(backend.url).port;
    say(`From another machine: ssh -N -L ${there}:127.0.0.1:${there} ${process.env["USER"] ?? "you"}@this-host, then open that address there.`);
  }
  say("Ctrl-C ends it; runs go on.\n");
  const window = chromium ? openAsApplication(chromium, backend, stop) : new Promise<"closed">(() => {});
  const ending = await Promise.race([stop, window, backend.failed]);
  if (ending !== "stop" && ending !== "closed") {
    process.stderr.write(`${ending}\nRuns go on without it. Start again to see them.\n`);
    return 1;
  }
  await sayWhatGoesOn(backend);
  await backend.stop();
  return 0;
}

/**
 * Resolves when the window is closed. Where none opens, the backend that was started here serves on, for an open window or one opened by
 * hand; for another one's there is nothing left to do.
 */
function openAsApplication(chromium: string, { url, own }: Backend, stop: Promise<unknown>): Promise<"closed"> {
  const started = Date.now();
  const child = spawn(chromium, [
    // Said once by this program, not by a bar across the window: root has no sandbox.
    ...chromiumArguments(), ...(isRoot ? ["--test-type"] : []), `--app=${url}`, `--user-data-dir=${join(stateFolder(), "chromium")}`, "--window-size=1440,900",
  ], { stdio: "ignore" });
  void stop.then(() => child.kill("SIGTERM"));
  return new Promise((resolve) => {
    const ended = (notice: string) => {
      const opened = Date.now() - started >= 3000;
      if (!opened) say(notice);
      if (opened || !own) resolve("closed");
    };
    child.on("error", (error) => ended(`Chromium opened no window (${error.message}). Open the address above.`));
    // It ends well at once where it hands the address to a Chromium of this profile that runs already.
    child.on("exit", (code) => ended(code === 0 ? "A window of Switchyard is open already; it shows this address." : `Chromium opened no window (exit code ${code}). Open the address above.`));
  });
}

async function sayWhatGoesOn(backend: Backend): Promise<void> {
  const runs = await Promise.race([backend.activeRuns(), wait(2000, [])]).catch(() => []);
  if (runs.length === 1) say(`The run "${runs[0]?.name}" goes on. Start Switchyard again to see it.`);
  if (runs.length > 1) say(`${runs.length} runs go on. Start Switchyard again to see them.`);
}

process.exitCode = await main();
// A signal handler or a pipe to the backend may still be open.
process.exit();
