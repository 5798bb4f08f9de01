// The desktop shell: one window on the backend's page. No product logic lives here.
import { join } from "node:path";
import { app, BrowserWindow, dialog, session } from "electron";
import { type Backend, startBackend } from "./backend.ts";
import { VERSION_ARGUMENT } from "./channels.ts";
import { installMenu } from "./menu.ts";
import { answerOpenDialog } from "./openDialog.ts";
import { mayQuit } from "./quitQuestion.ts";
import { restrictContents, restrictSession } from "./security.ts";
import { minimumSize, rememberedPlace, rememberPlace } from "./windowBounds.ts";

export interface ShellOptions {
  root: string;
  node: string;
  home?: string | undefined;
  /** Port of the interface; any free one when 0 or absent. */
  port?: number;
  renderer: string;
  preload: string;
}

/** Starts the application, or shows the window of the one that runs already. */
export async function startShell(options: ShellOptions): Promise<void> {
  if (!app.requestSingleInstanceLock()) {
    app.quit();
    return;
  }
  app.enableSandbox();
  app.on("web-contents-created", (_event, contents) => restrictContents(contents));
  await app.whenReady();
  await onReady(options);
}

async function onReady(options: ShellOptions): Promise<void> {
  installMenu();
  const backend = await startBackendOrQuit(options);
  if (!backend) return;
  restrictSession(session.defaultSession, backend.origin);
  answerOpenDialog(backend.origin);
  const window = openWindow(backend, options);
  showOnSecondStart(window);
  askBeforeQuit(backend, window);
  reportFailure(backend, window);
  await window.loadURL(backend.url);
}

async function startBackendOrQuit(options: ShellOptions): Promise<Backend | undefined> {
  try {
    return await startBackend(options);
  } catch (error) {
    dialog.showErrorBox("Switchyard can't start", error instanceof Error ? error.message : String(error));
    app.exit(1);
    return undefined;
  }
}

function openWindow(backend: Backend, { preload }: ShellOptions): BrowserWindow {
  const placeFile = join(app.getPath("userData"), "window.json");
  const place = rememberedPlace(placeFile);
  const window = new BrowserWindow({
    ...place.bounds,
    minWidth: minimumSize.width,
    minHeight: minimumSize.height,
    title: "Switchyard",
    show: false,
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      additionalArguments: [VERSION_ARGUMENT + app.getVersion()],
    },
  });
  if (place.maximized) window.maximize();
  rememberPlace(window, placeFile);
  window.once("ready-to-show", () => window.show());
  window.webContents.on("render-process-gone", () => {
    // Everything shown comes from the database: a page that crashed is opened again as it was.
    if (!window.isDestroyed()) void window.loadURL(backend.url);
  });
  return window;
}

function showOnSecondStart(window: BrowserWindow): void {
  app.on("second-instance", () => {
    if (window.isDestroyed()) return;
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
  });
}

/** Closing the only window and quitting are the same; both ask once. */
function askBeforeQuit(backend: Backend, window: BrowserWindow): void {
  let state: "open" | "asking" | "quitting" = "open";
  const ask = async () => {
    state = "asking";
    if (!await mayQuit(backend, window.isDestroyed() ? undefined : window)) {
      state = "open";
      return;
    }
    state = "quitting";
    await backend.stop();
    app.quit();
  };
  const intercept = (event: { preventDefault(): void }) => {
    if (state === "quitting") return;
    event.preventDefault();
    if (state === "open") void ask();
  };
  window.on("close", intercept);
  app.on("before-quit", intercept);
  app.on("window-all-closed", () => app.quit());
}

function reportFailure(backend: Backend, window: BrowserWindow): void {
  void backend.failed.then((why) => {
    if (window.isDestroyed()) return;
    dialog.showErrorBox("Switchyard's backend ended", `${why} Runs go on without it; start Switchyard again to see them.`);
    app.exit(1);
  });
}
