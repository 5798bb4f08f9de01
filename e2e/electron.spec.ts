// The desktop window in a real Electron, wherever its binary is there.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { _electron, type ElectronApplication, expect, type Page, test } from "@playwright/test";

const root = join(import.meta.dirname, "..");
const binary = join(root, "node_modules/electron/dist/electron");
const hasDisplay = Boolean(process.env["DISPLAY"] || process.env["WAYLAND_DISPLAY"]);

test.skip(!existsSync(binary), "Electron's binary is not installed: run npx install-electron where it can be downloaded.");
test.skip(!hasDisplay, "There is no display: run under xvfb-run.");

let folder: string;
let application: ElectronApplication;
let page: Page;

test.beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "switchyard-electron-"));
  application = await _electron.launch({
    executablePath: binary,
    args: [...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), `--user-data-dir=${join(folder, "user")}`, root],
    env: { ...process.env as Record<string, string>, SWITCHYARD_HOME: join(folder, "home") },
  });
  page = await application.firstWindow();
});

test.afterEach(async () => {
  await application.close();
  rmSync(folder, { recursive: true, force: true });
});

test("opens the interface, isolated from Node", async () => {
  expect(new URL(page.url()).hostname).toBe("127.0.0.1");
  await expect(page).toHaveTitle(/Switchyard/);
  expect(await page.evaluate(() => [typeof Reflect.get(globalThis, "require"), typeof Reflect.get(globalThis, "process")])).toEqual(["undefined", "undefined"]);
  expect(await page.evaluate(() => window.switchyard?.platform)).toBe("linux");
});

test("the native dialog's paths reach the page", async () => {
  await application.evaluate(({ dialog }) => {
    dialog.showOpenDialog = async () => ({ canceled: false, filePaths: ["/data/text"] });
  });
  expect(await page.evaluate(() => window.switchyard?.openPaths({ kind: "folders" }))).toEqual(["/data/text"]);
});

test("stays on its page and opens no window", async () => {
  const before = page.url();
  await application.evaluate(({ shell }) => { shell.openExternal = async () => {}; });
  await page.evaluate(() => {
    window.open("https://example.com/");
    location.href = "https://example.com/";
  });
  await page.waitForTimeout(500);
  expect(page.url()).toBe(before);
  expect(application.windows()).toHaveLength(1);
});
