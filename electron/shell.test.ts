// The main process over the stand-in host: the real backend, real pages, and what the shell forbids them.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

vi.mock("electron", () => import("./host/electronStandIn.ts"));
const { app, closeBrowser, desktop, launchBrowser, session } = await import("./host/electronStandIn.ts");
const { startShell } = await import("./shell.ts");

const home = mkdtempSync(join(tmpdir(), "switchyard-home-"));
const renderer = mkdtempSync(join(tmpdir(), "switchyard-page-"));
let page: Page;
let port: number;

/** A port that was free a moment ago. */
const freePort = (): Promise<number> => new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    server.close(() => resolve(port));
  });
});

beforeAll(async () => {
  writeFileSync(join(renderer, "index.html"), `<!doctype html><meta charset="utf-8"><title>Test page</title><p id="text">ready</p><script>window.inlineRan = true</script><script src="/page.js"></script>`);
  writeFileSync(join(renderer, "page.js"), "window.ownScriptRan = true;");
  mkdirSync(home, { recursive: true });
  await launchBrowser();
  await import("./preload.ts");
  port = await freePort();
  await startShell({ root: join(import.meta.dirname, ".."), node: process.execPath, home, port, renderer, preload: "/preload.cjs" });
  page = desktop.windows[0]!.webContents.page!;
});

afterAll(async () => {
  if (app.quits === 0) app.quit();
  await vi.waitFor(() => expect(app.quits).toBe(1), { timeout: 15_000 });
  await closeBrowser();
  for (const folder of [home, renderer, app.userData]) rmSync(folder, { recursive: true, force: true });
});

test("opens a sandboxed, isolated window on the backend's page", async () => {
  const preferences = desktop.windows[0]!.options.webPreferences;
  expect(desktop.sandboxed).toBe(true);
  expect(preferences).toMatchObject({ sandbox: true, contextIsolation: true, nodeIntegration: false, webviewTag: false });
  expect(new URL(page.url()).host).toBe(`127.0.0.1:${port}`);
  expect(await page.textContent("#text")).toBe("ready");
  expect(desktop.windows[0]!.visible).toBe(true);
});

test("runs the page's own scripts and no inline ones", async () => {
  expect(await page.evaluate(() => [Reflect.get(globalThis, "ownScriptRan"), Reflect.get(globalThis, "inlineRan")])).toEqual([true, undefined]);
});

test("refuses requests to any other origin", async () => {
  const outcome = await page.evaluate(() => fetch("https://example.com/").then(() => "answered", () => "refused"));
  expect(outcome).toBe("refused");
  let cancelled: boolean | undefined;
  session.defaultSession.before?.({ url: "https://example.com/script.js" }, ({ cancel }) => { cancelled = cancel; });
  expect(cancelled).toBe(true);
});

test("refuses all permissions", () => {
  for (const permission of ["media", "geolocation", "notifications", "clipboard-read", "openExternal"]) {
    const answer = vi.fn();
    session.defaultSession.permission?.({}, permission, answer);
    expect(answer).toHaveBeenCalledExactlyOnceWith(false);
  }
  expect(session.defaultSession.permissionCheck?.()).toBe(false);
});

test("stays on its page when a link or a script navigates", async () => {
  const before = page.url();
  const asked = new Promise((resolve) => desktop.windows[0]!.webContents.once("will-navigate", resolve));
  await page.evaluate(() => { Reflect.get(globalThis, "location").href = "https://example.com/away"; });
  await asked;
  await page.waitForTimeout(300);
  expect(page.url()).toBe(before);
  expect(await page.textContent("#text")).toBe("ready");
});

test("opens a link to the web in the browser and no window of its own", async () => {
  await page.evaluate(() => { Reflect.get(globalThis, "open")("https://example.com/paper"); });
  await vi.waitFor(() => expect(desktop.opened).toContain("https://example.com/paper"));
  await vi.waitFor(() => expect(page.context().pages()).toHaveLength(1));
});

test.each(["file:///etc/passwd", "javascript:alert(1)", "smb://host/share", "https://user:secret@example.com/", "not an address"])(
  "opens nothing for %s", (url) => {
    const before = desktop.opened.length;
    expect(desktop.windows[0]!.webContents.openHandler({ url })).toEqual({ action: "deny" });
    expect(desktop.opened).toHaveLength(before);
  });

test("opens the native dialog for the page and returns the paths", async () => {
  desktop.answers.openDialog = ["/data/a.txt", "/data/b.txt"];
  const paths = await page.evaluate(() => Reflect.get(globalThis, "switchyard").openPaths({ kind: "files", title: "Choose text", filters: [{ name: "Text", extensions: ["txt"] }] }));
  expect(paths).toEqual(["/data/a.txt", "/data/b.txt"]);
  expect(desktop.dialogs.at(-1)).toEqual({ properties: ["openFile", "multiSelections"], title: "Choose text", filters: [{ name: "Text", extensions: ["txt"] }] });
  desktop.answers.openDialog = [];
  expect(await page.evaluate(() => Reflect.get(globalThis, "switchyard").openPaths({ kind: "folders", multiple: false }))).toEqual([]);
});

test("refuses dialog options that are not in the contract", async () => {
  const dialogs = desktop.dialogs.length;
  const refused = page.evaluate(() => Reflect.get(globalThis, "switchyard").openPaths({ kind: "files", properties: ["showHiddenFiles"] }));
  await expect(refused).rejects.toThrow("options it does not know");
  expect(desktop.dialogs).toHaveLength(dialogs);
});

test("refuses the dialog to a frame inside the page", async () => {
  const { ipcRenderer } = await import("./host/electronStandIn.ts");
  const { OPEN_PATHS_CHANNEL } = await import("./channels.ts");
  const sender = desktop.windows[0]!.webContents;
  for (const senderFrame of [{ url: "https://example.com/", parent: null }, { url: page.url(), parent: {} }]) {
    ipcRenderer.sender = { sender, senderFrame };
    await expect(ipcRenderer.invoke(OPEN_PATHS_CHANNEL, { kind: "files" })).rejects.toThrow("not Switchyard's");
  }
});

test("has an application menu with the standard roles", () => {
  expect(desktop.menu.map((item) => item.role ?? item.label)).toEqual(["&File", "editMenu", "&View", "windowMenu", "help"]);
});

test("brings the window to the front when started a second time", () => {
  desktop.windows[0]!.focused = false;
  app.emit("second-instance");
  expect(desktop.windows[0]!.focused).toBe(true);
});

test("a second instance opens no window", async () => {
  desktop.singleInstance = false;
  const [windows, quits] = [desktop.windows.length, app.quits];
  const quit = vi.spyOn(app, "quit").mockImplementation(() => {});
  await startShell({ root: "/nowhere", node: "/nowhere", renderer, preload: "" });
  expect(quit).toHaveBeenCalledOnce();
  quit.mockRestore();
  desktop.singleInstance = true;
  expect([desktop.windows.length, app.quits]).toEqual([windows, quits]);
});

test("quits without a question when nothing trains, and remembers the window's place", async () => {
  const window = desktop.windows[0]!;
  window.bounds = { x: 40, y: 30, width: 1300, height: 820 };
  const backend = new URL(page.url()).origin;
  expect((await fetch(`${backend}/api/active-runs`)).status).toBe(401);
  app.quit();
  await vi.waitFor(() => expect(app.quits).toBe(1), { timeout: 15_000 });
  expect(desktop.questions).toEqual([]);
  expect(JSON.parse(readFileSync(join(app.userData, "window.json"), "utf8"))).toEqual({ x: 40, y: 30, width: 1300, height: 820, maximized: false });
  await expect(fetch(backend)).rejects.toThrow();
});
