// What the page may not do. Everything is refused that the interface does not need.
import { type Session, shell, type WebContents } from "electron";

/** Scripts, styles and connections from the backend's own origin, and nothing else. */
export function contentSecurityPolicy(origin: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    `connect-src 'self' ${origin.replace(/^http/, "ws")}`,
    "manifest-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
  ].join("; ");
}

/** Whether a link may be handed to the system's browser: the web, and no program, file or credential. */
export function isWebLink(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, username, password } = new URL(address);
  return (protocol === "https:" || protocol === "http:") && username === "" && password === "";
}

/** Applies the policy to all answers of the backend, and refuses requests to anywhere else and all permissions. */
export function restrictSession(session: Session, origin: string): void {
  const policy = contentSecurityPolicy(origin);
  session.webRequest.onHeadersReceived((details, respond) => {
    const headers = Object.fromEntries(Object.entries(details.responseHeaders ?? {}).filter(([name]) => name.toLowerCase() !== "content-security-policy"));
    respond({ responseHeaders: { ...headers, "Content-Security-Policy": [policy] } });
  });
  session.webRequest.onBeforeRequest((details, respond) => {
    respond({ cancel: !isOwn(details.url, origin) });
  });
  session.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  session.setPermissionCheckHandler(() => false);
  session.setDevicePermissionHandler(() => false);
}

function isOwn(address: string, origin: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  if (url.protocol === "blob:" || url.protocol === "data:" || url.protocol === "devtools:") return true;
  return url.origin === origin || url.origin === origin.replace(/^http/, "ws");
}

/** Keeps a window on its page: no navigation, no windows, no embedded browsers. Links to the web open in the browser. */
export function restrictContents(contents: WebContents): void {
  contents.on("will-navigate", (event) => event.preventDefault());
  contents.on("will-redirect", (event) => event.preventDefault());
  contents.on("will-attach-webview", (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    if (isWebLink(url)) void shell.openExternal(url);
    return { action: "deny" };
  });
}
