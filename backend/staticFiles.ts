// The built interface over HTTP: only files below one folder, with headers that let the page load nothing from elsewhere.
import { createReadStream, existsSync, realpathSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, sep } from "node:path";

const MEDIA_TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8", ".map": "application/json; charset=utf-8", ".svg": "image/svg+xml",
  ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json",
};

/**
 * Everything from this origin alone. Styles may be inline in attributes: charts and panels are placed by them; a style
 * can't run anything.
 */
export const contentSecurityPolicy = (port: number): string => [
  "default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:", "font-src 'self'",
  `connect-src 'self' ws://127.0.0.1:${port} ws://localhost:${port}`, "manifest-src 'self'", "worker-src 'self'",
  "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "object-src 'none'",
].join("; ");

export function setSecurityHeaders(response: ServerResponse, port: number): void {
  response.setHeader("Content-Security-Policy", contentSecurityPolicy(port));
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Referrer-Policy", "no-referrer");
  response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
  response.setHeader("Cross-Origin-Resource-Policy", "same-origin");
  response.setHeader("Permissions-Policy", "camera=(), microphone=(), geolocation=(), usb=(), serial=()");
}

/** Vite puts a hash of the content into the names of assets: such a file never changes. */
const isHashed = (path: string) => /^\/assets\/.+-[A-Za-z0-9_-]{8,}\.\w+$/.test(path);

/** Answers a GET or HEAD from `root`. A path that names no file gets the page itself, whose links hold the view. */
export function serveStatic(root: string, request: IncomingMessage, response: ServerResponse): void {
  let path: string;
  try {
    path = decodeURIComponent(new URL(request.url ?? "/", "http://127.0.0.1").pathname);
  } catch {
    return plain(response, 400, "This address can't be read.");
  }
  if (path.includes("\0")) return plain(response, 400, "This address can't be read.");
  const index = join(root, "index.html");
  if (!existsSync(index)) return plain(response, 503, "The interface is not built. Run: npm run build");
  const file = fileBelow(root, path) ?? (extname(path) === "" ? index : null);
  if (!file) return plain(response, 404, "There is no such file.");
  response.statusCode = 200;
  response.setHeader("Content-Type", MEDIA_TYPES[extname(file)] ?? "application/octet-stream");
  response.setHeader("Cache-Control", file === index ? "no-store" : isHashed(path) ? "public, max-age=31536000, immutable" : "no-cache");
  response.setHeader("Content-Length", statSync(file).size);
  if (request.method === "HEAD") response.end();
  else createReadStream(file).on("error", () => response.destroy()).pipe(response);
}

/** The file that a path names inside a folder, links resolved; null when there is none, or when it lies outside. */
function fileBelow(root: string, path: string): string | null {
  try {
    const real = realpathSync(join(root, path));
    return real.startsWith(realpathSync(root) + sep) && statSync(real).isFile() ? real : null;
  } catch {
    return null;
  }
}

export function plain(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });
  response.end(`${sentence}\n`);
}
