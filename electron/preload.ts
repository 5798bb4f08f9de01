// Runs before the page, in a sandbox and a world of its own, and shows the page one small object.
import { contextBridge, ipcRenderer } from "electron";
import type { DesktopBridge } from "../contract/desktop.ts";
import { OPEN_PATHS_CHANNEL, VERSION_ARGUMENT } from "./channels.ts";

const bridge: DesktopBridge = {
  platform: process.platform,
  version: process.argv.find((argument) => argument.startsWith(VERSION_ARGUMENT))?.slice(VERSION_ARGUMENT.length) ?? "",
  openPaths: (options) => ipcRenderer.invoke(OPEN_PATHS_CHANNEL, options) as Promise<string[]>,
};

contextBridge.exposeInMainWorld("switchyard", bridge);
