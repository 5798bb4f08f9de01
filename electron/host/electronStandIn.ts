// Stands in for the parts of Electron's modules that the main process uses, over real pages of the system's Chromium: what
// Electron would enforce in its own browser is enforced here in that one, by the handlers that the main process registered.
import { EventEmitter } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page, type Request, type Route } from "playwright-core";
import { chromiumArguments, findChromium } from "../../scripts/chromium.mjs";

interface Bounds { x: number; y: number; width: number; height: number }
type Handler = (...args: never[]) => unknown;

/** What the main process did, and what the person at the desktop will answer. */
export const desktop = {
  answers: { openDialog: [] as string[], messageBox: 0 },
  displays: [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }],
  opened: [] as string[],
  errors: [] as string[],
  questions: [] as { message: string; buttons: string[] }[],
  dialogs: [] as Record<string, unknown>[],
  menu: [] as { role?: string; label?: string; submenu?: unknown }[],
  windows: [] as BrowserWindow[],
  preloadPaths: [] as string[],
  exposed: {} as Record<string, Record<string, unknown>>,
  sandboxed: false,
  singleInstance: true,
};

let browser: Browser | undefined;

export async function launchBrowser(): Promise<void> {
  browser = await chromium.launch({ executablePath: findChromium(), args: chromiumArguments() });
}

export async function closeBrowser(): Promise<void> {
  await browser?.close();
  browser = undefined;
}

class App extends EventEmitter {
  name = "Switchyard";
  quits = 0;
  exitCode: number | undefined;
  readonly userData = mkdtempSync(join(tmpdir(), "switchyard-shell-"));
  requestSingleInstanceLock() { return desktop.singleInstance; }
  enableSandbox() { desktop.sandboxed = true; }
  async whenReady() {}
  getPath(name: string) {
    if (name !== "userData") throw new Error(`The stand-in has no folder "${name}".`);
    return this.userData;
  }
  getVersion() { return "0.1.0"; }
  exit(code: number) { this.exitCode = code; }
  /** As Electron does: before-quit may hold it back, then every window is closed. */
  quit() {
    let held = false;
    this.emit("before-quit", { preventDefault: () => { held = true; } });
    if (held) return;
    const before = this.quits;
    for (const window of desktop.windows) if (!window.close()) return;
    // The last window to close may have asked to quit itself.
    if (this.quits === before) this.quits += 1;
  }
}
export const app = new App();

class StandInSession {
  headers: ((details: unknown, respond: (answer: { responseHeaders: Record<string, string[]> }) => void) => void) | undefined;
  before: ((details: unknown, respond: (answer: { cancel: boolean }) => void) => void) | undefined;
  permission: ((contents: unknown, permission: string, answer: (granted: boolean) => void) => void) | undefined;
  permissionCheck: (() => boolean) | undefined;
  webRequest = {
    onHeadersReceived: (handler: Handler) => { this.headers = handler as never; },
    onBeforeRequest: (handler: Handler) => { this.before = handler as never; },
  };
  setPermissionRequestHandler(handler: Handler) { this.permission = handler as never; }
  setPermissionCheckHandler(handler: Handler) { this.permissionCheck = handler as never; }
  setDevicePermissionHandler(_handler: Handler) {}
}
export const session = { defaultSession: new StandInSession() };

class WebContents extends EventEmitter {
  openHandler: (details: { url: string }) => { action: string } = () => ({ action: "allow" });
  page: Page | undefined;
  loading: string | undefined;
  setWindowOpenHandler(handler: (details: { url: string }) => { action: string }) { this.openHandler = handler; }
}

export class BrowserWindow extends EventEmitter {
  static fromWebContents(contents: WebContents) { return desktop.windows.find((window) => window.webContents === contents) ?? null; }
  readonly webContents = new WebContents();
  bounds: Bounds;
  maximized = false;
  visible = false;
  focused = false;
  destroyed = false;

  readonly options: { webPreferences: Record<string, unknown> };
  constructor(options: Partial<Bounds> & { webPreferences: Record<string, unknown> }) {
    super();
    this.options = options;
    this.bounds = { x: options.x ?? 0, y: options.y ?? 0, width: options.width ?? 800, height: options.height ?? 600 };
    desktop.windows.push(this);
    app.emit("web-contents-created", {}, this.webContents);
  }

  async loadURL(url: string) {
    if (!browser) throw new Error("The stand-in's browser is not running.");
    const contents = this.webContents;
    contents.loading = url;
    if (!contents.page) {
      const context = await browser.newContext({ viewport: { width: this.bounds.width, height: this.bounds.height } });
      contents.page = await context.newPage();
      await exposeBridge(this, contents.page);
      // The request of a new window is answered below; the window itself must not stay.
      contents.page.on("popup", (popup) => void popup.close());
      await context.route("**/*", (route) => this.answer(route));
    }
    await contents.page.goto(url);
    contents.loading = undefined;
    this.emit("ready-to-show");
  }

  async answer(route: Route) {
    const request = route.request();
    const page = pageOf(request);
    if (!page || page !== this.webContents.page) {
      // A new window: the handler is asked with its address, which is never fetched here.
      const { action } = this.webContents.openHandler({ url: request.url() });
      if (action !== "deny") desktop.errors.push(`A window on ${request.url()} was allowed.`);
      return await route.abort().catch(() => undefined);
    }
    if (request.isNavigationRequest() && request.frame() === page.mainFrame() && this.webContents.loading === undefined) {
      let prevented = false;
      this.webContents.emit("will-navigate", { preventDefault: () => { prevented = true; } });
      // "No content" is the answer to a navigation after which a page stays where it is.
      if (prevented) return await route.fulfill({ status: 204 });
    }
    let cancelled = false;
    session.defaultSession.before?.({ url: request.url() }, ({ cancel }) => { cancelled = cancel; });
    if (cancelled) return await route.abort("blockedbyclient");
    const response = await route.fetch();
    let headers = Object.fromEntries(Object.entries(response.headers()).map(([name, value]) => [name, [value]]));
    session.defaultSession.headers?.({ responseHeaders: headers }, (answer) => { headers = answer.responseHeaders; });
    await route.fulfill({ response, headers: Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, values.join(", ")])) });
  }

  /** @returns whether it closed */
  close(): boolean {
    if (this.destroyed) return true;
    let held = false;
    this.emit("close", { preventDefault: () => { held = true; } });
    if (held) return false;
    this.destroyed = true;
    void this.webContents.page?.context().close();
    app.emit("window-all-closed");
    return true;
  }

  show() { this.visible = true; }
  focus() { this.focused = true; }
  restore() {}
  maximize() { this.maximized = true; }
  isMaximized() { return this.maximized; }
  isMinimized() { return false; }
  isDestroyed() { return this.destroyed; }
  getNormalBounds() { return this.bounds; }
}

/** The page that a request belongs to; none while its window is only being made. */
function pageOf(request: Request): Page | undefined {
  try {
    return request.frame().page();
  } catch {
    return undefined;
  }
}

/** Shows the page what the preload script exposed, through a real crossing between processes. */
async function exposeBridge(window: BrowserWindow, page: Page): Promise<void> {
  for (const [key, members] of Object.entries(desktop.exposed)) {
    const plain: Record<string, unknown> = {};
    const functions: string[] = [];
    for (const [name, member] of Object.entries(members)) {
      if (typeof member !== "function") plain[name] = member;
      else {
        functions.push(name);
        await page.exposeBinding(`__${key}_${name}`, async ({ frame }, ...args) => {
          ipcRenderer.sender = { sender: window.webContents, senderFrame: { url: frame.url(), parent: frame.parentFrame() } };
          return await (member as (...values: unknown[]) => unknown)(...args);
        });
      }
    }
    await page.addInitScript(({ key, plain, functions }) => {
      const target = globalThis as unknown as Record<string, unknown>;
      target[key] = Object.freeze({ ...plain, ...Object.fromEntries(functions.map((name) => [name, target[`__${key}_${name}`]])) });
    }, { key, plain, functions });
  }
}

export const contextBridge = {
  exposeInMainWorld(key: string, members: Record<string, unknown>) { desktop.exposed[key] = members; },
};

const channels = new Map<string, (event: unknown, ...args: unknown[]) => unknown>();
export const ipcMain = {
  handle(channel: string, handler: (event: unknown, ...args: unknown[]) => unknown) { channels.set(channel, handler); },
};
export const ipcRenderer = {
  sender: undefined as { sender: unknown; senderFrame: { url: string; parent: unknown } } | undefined,
  async invoke(channel: string, ...args: unknown[]) { return await channels.get(channel)?.(ipcRenderer.sender, ...args); },
};

export const dialog = {
  async showOpenDialog(_window: unknown, options: Record<string, unknown>) {
    desktop.dialogs.push(options);
    return { canceled: desktop.answers.openDialog.length === 0, filePaths: desktop.answers.openDialog };
  },
  async showMessageBox(_window: unknown, options: { message: string; buttons: string[] }) {
    desktop.questions.push(options);
    return { response: desktop.answers.messageBox };
  },
  showErrorBox(title: string, content: string) { desktop.errors.push(`${title}: ${content}`); },
};

export const Menu = {
  buildFromTemplate: (template: typeof desktop.menu) => template,
  setApplicationMenu(menu: typeof desktop.menu) { desktop.menu = menu; },
};
export const shell = { async openExternal(url: string) { desktop.opened.push(url); } };
export const screen = { getDisplayMatching: (_bounds: Bounds) => desktop.displays[0] };
