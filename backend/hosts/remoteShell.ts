// Words for a POSIX shell on a host. What is quoted here came from a person of this machine, never from a host.

/** One word, whatever is in it. */
export const quoteForShell = (text: string): string => (/^[A-Za-z0-9_./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** A path there, one word; a leading ~ is the home of that machine. */
export const quotePath = (path: string): string =>
  path === "~" ? `"$HOME"` : path.startsWith("~/") ? `"$HOME"/${quoteForShell(path.slice(2))}` : quoteForShell(path);
