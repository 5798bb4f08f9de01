// The native open dialog, over the one channel that the page has.
import { BrowserWindow, dialog, ipcMain, type IpcMainInvokeEvent, type OpenDialogOptions } from "electron";
import { openPathsOptionsSchema } from "../contract/desktop.ts";
import { OPEN_PATHS_CHANNEL } from "./channels.ts";

/** Answers the page of the given origin, and nobody else. */
export function answerOpenDialog(origin: string): void {
  ipcMain.handle(OPEN_PATHS_CHANNEL, async (event, options: unknown) => {
    const window = senderWindow(event, origin);
    const parsed = openPathsOptionsSchema.safeParse(options);
    if (!parsed.success) throw new Error("The open dialog was asked for with options it does not know.");
    const { kind, multiple, title, filters } = parsed.data;
    const properties: NonNullable<OpenDialogOptions["properties"]> = [kind === "files" ? "openFile" : "openDirectory"];
    if (multiple) properties.push("multiSelections");
    const { canceled, filePaths } = await dialog.showOpenDialog(window, {
      properties, ...(title === undefined ? {} : { title }), ...(filters === undefined || kind === "folders" ? {} : { filters }),
    });
    return canceled ? [] : filePaths;
  });
}

/** The one place where a sender is checked: the top frame of a window of ours, still on its own page. */
function senderWindow(event: IpcMainInvokeEvent, origin: string): BrowserWindow {
  const frame = event.senderFrame;
  const window = BrowserWindow.fromWebContents(event.sender);
  if (!window || !frame || frame.parent !== null || new URL(frame.url).origin !== origin) {
    throw new Error("The open dialog was asked for by a page that is not Switchyard's.");
  }
  return window;
}
