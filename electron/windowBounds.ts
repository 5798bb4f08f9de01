// The size and place of the window, remembered between starts.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type BrowserWindow, type Rectangle, screen } from "electron";
import { z } from "zod";

const MINIMUM = { width: 800, height: 500 };
const DEFAULT = { width: 1440, height: 900 };

const boundsSchema = z.object({
  x: z.int(), y: z.int(), width: z.int().min(1).max(32_768), height: z.int().min(1).max(32_768), maximized: z.boolean(),
});
type StoredBounds = z.output<typeof boundsSchema>;

export interface WindowPlace { bounds: Partial<Rectangle> & { width: number; height: number }; maximized: boolean }

/** Where to open: as last time, unless the file is damaged or the display is gone. */
export function rememberedPlace(path: string): WindowPlace {
  let stored: StoredBounds;
  try {
    stored = boundsSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return { bounds: DEFAULT, maximized: false };
  }
  const { maximized, ...bounds } = stored;
  const area = screen.getDisplayMatching(bounds).workArea;
  const width = Math.max(MINIMUM.width, Math.min(bounds.width, area.width));
  const height = Math.max(MINIMUM.height, Math.min(bounds.height, area.height));
  if (!titleBarIsReachable(bounds, area)) return { bounds: { width, height }, maximized };
  return { bounds: { x: bounds.x, y: bounds.y, width, height }, maximized };
}

/** At least 100 pixels of the title bar must lie on the display, or nobody can move the window back. */
function titleBarIsReachable(bounds: Rectangle, area: Rectangle): boolean {
  const visible = Math.min(bounds.x + bounds.width, area.x + area.width) - Math.max(bounds.x, area.x);
  return visible >= 100 && bounds.y >= area.y - 10 && bounds.y <= area.y + area.height - 40;
}

/** Stores the place whenever the window closes. */
export function rememberPlace(window: BrowserWindow, path: string): void {
  window.on("close", () => {
    const stored: StoredBounds = { ...window.getNormalBounds(), maximized: window.isMaximized() };
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(`${path}.part`, JSON.stringify(stored));
      renameSync(`${path}.part`, path);
    } catch {
      // A window that opens at its default size next time is no reason to keep this one from closing.
    }
  });
}

export const minimumSize = MINIMUM;
