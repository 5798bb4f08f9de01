import { parseArgs } from "node:util";

export interface StartOptions { home?: string | undefined; port: number; browserOnly: boolean; help: boolean }

export const usage = `npm start [-- OPTIONS]

  --home DIR   folder of database and runs (default: $SWITCHYARD_HOME, $XDG_DATA_HOME/switchyard or ~/.local/share/switchyard)
  --port N     port of the interface (default: any free one)
  --browser    open a browser window even where Electron is there
  --help       show this`;

/** @throws Error with a sentence for the person when an option is unknown or has a wrong value */
export function parseStartOptions(args: string[]): StartOptions {
  const { values } = parseArgs({
    args,
    options: { home: { type: "string" }, port: { type: "string", default: "0" }, browser: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  });
  const port = Number(values.port);
  if (!/^\d{1,5}$/.test(values.port) || port > 65535) throw new Error(`"${values.port}" is not a port: give a number from 0 to 65535.`);
  return { home: values.home, port, browserOnly: values.browser, help: values.help };
}
