// The pictures of docs/images: each panel of real runs, light and dark.
//   node scripts/screenshots.ts HOME RUN [RUN ...]   the first run is the one shown, the others are compared with it
//   --only VIEW takes one picture again: mesh is of a run on several ranks, start of an empty home. --host NAME shows a host that was checked in this home.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { chromium, type Page } from "playwright-core";
import { chromiumArguments, findChromium } from "./chromium.mjs";
import { node24, root } from "./bootstrap/paths.mjs";

const { values: { only, host }, positionals: [home, ...runs] } = parseArgs({ allowPositionals: true, options: { only: { type: "string" }, host: { type: "string" } } });
if (!home || runs.length === 0) {
  process.stderr.write("Usage: node scripts/screenshots.ts HOME RUN [RUN ...] [--only VIEW] [--host NAME]\n");
  process.exit(2);
}
const folder = join(root, "docs/images");
const [run, ...others] = runs;
const VIEWS: Record<string, string> = {
  overview: `?run=${run}`,
  routing: `?run=${run}&tab=routing`,
  capacity: `?run=${run}&tab=capacity`,
  balance: `?run=${run}&tab=balance`,
  ...(only === "mesh" ? { mesh: `?run=${run}&tab=mesh` } : {}),
  generate: `?run=${run}&tab=generate`,
  spec: `?run=${run}&tab=spec`,
  log: `?run=${run}&tab=log`,
  files: `?run=${run}&tab=files`,
  "new-run": "?page=new",
  start: "",
  // Of a host that was checked in this home.
  ...(host ? { hosts: `?page=hosts&host=${host}` } : {}),
  plan: "?page=plan&of=paper:Switch-Base&devices=64",
  ...(others.length > 0 ? { overlay: `?run=${run}&with=${others.join(",")}`, compare: `?run=${run}&with=${others.join(",")}&page=compare&values=step` } : {}),
};

const backend = spawn(node24, [join(root, "backend/serve.ts"), "--home", home, "--port", "0", "--renderer", join(root, "dist/renderer")], { stdio: ["ignore", "pipe", "inherit"] });
const line = await new Promise<string>((resolve) => createInterface(backend.stdout).once("line", resolve));
const { origin, hash } = new URL((JSON.parse(line) as { url: string }).url);
const browser = await chromium.launch({ executablePath: findChromium() ?? "/usr/bin/chromium", args: chromiumArguments() });
mkdirSync(folder, { recursive: true });

async function settled(page: Page): Promise<void> {
  await page.waitForLoadState("networkidle");
  while (await page.locator(".figure-skeleton").count() > 0) await page.waitForTimeout(50);
  // The use of the processor is known from the second reading on.
  await page.locator(".devices", { hasText: "CPU" }).waitFor();
  await page.waitForTimeout(800);
}

for (const colorScheme of ["light", "dark"] as const) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme });
  for (const [name, query] of Object.entries(VIEWS).filter(([view]) => only === undefined || view === only)) {
    await page.goto(`${origin}/${query}${hash}`);
    await settled(page);
    if (name === "hosts") {
      await page.getByRole("button", { name: /^Check/ }).click();
      await page.getByText("connected since").waitFor();
      await page.getByRole("button", { name: "Check again" }).waitFor();
    }
    if (name === "generate") {
      await page.getByRole("button", { name: "Generate", exact: true }).click();
      await page.getByText(/came to its end|cut at the token limit/).waitFor();
    }
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
    process.stdout.write(`docs/images/${name}-${colorScheme}.png\n`);
  }
  await page.close();
}
await browser.close();
backend.kill();
