// bundleDesktop.ts OUTPUT: main process and preload script as one CommonJS file each. A sandboxed preload can load nothing else.
import { rmSync } from "node:fs";
import { build } from "esbuild";
import { root } from "./bootstrap/paths.mjs";

const [output] = process.argv.slice(2);
if (output === undefined) throw new Error("Usage: bundleDesktop.ts OUTPUT");
rmSync(output, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: { main: "electron/main.ts", preload: "electron/preload.ts" },
  outdir: output,
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node24",
  external: ["electron"],
  sourcemap: true,
  logLevel: "warning",
});
