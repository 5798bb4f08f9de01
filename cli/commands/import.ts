// import PATH: another trainer's log as a run.
import { setTimeout as wait } from "node:timers/promises";
import { createHome, homeAt } from "../../backend/home.ts";
import { findLogs } from "../../backend/imports/findLogs.ts";
import { importOnce, LogImport, nothingFound, type ImportReport } from "../../backend/imports/importLog.ts";
import { readMapping, type ColumnMapping } from "../../contract/columnMapping.ts";
import { LogFormat } from "../../contract/runSpec.ts";
import { UsageError, type Command } from "../commandLine.ts";
import { print } from "../print.ts";
import { suggestion } from "../suggestion.ts";
import { table } from "../table.ts";

const POLL_MILLISECONDS = 500;

export function formatOption(text: string | undefined): LogFormat | null {
  if (text === undefined) return null;
  const format = LogFormat.safeParse(text);
  if (!format.success) throw new UsageError(`"--format ${text}" must be ${LogFormat.options.join(", ")}.${suggestion(text, LogFormat.options)}`);
  return format.data;
}

/** "loss=train/loss,step=iteration" as a mapping. @throws UsageError */
export function columnMapping(texts: readonly string[]): ColumnMapping {
  try {
    return readMapping(texts.join(","));
  } catch (error) {
    throw new UsageError(`--map: ${(error as Error).message}`);
  }
}

export const importCommand: Command = {
  name: "import", positional: ["PATH"], about: "Import another trainer's log (TensorBoard, MaxText, CSV, JSONL) as a run.",
  details: "PATH is a folder with TensorBoard event files, searched to its depth (each folder that holds some becomes a run), or a JSONL or CSV file.\nImporting the same path again reads on where the last import stopped.",
  options: {
    format: { value: "FORMAT", about: "tensorboard, maxtext, csv or jsonl (default: found out)." },
    map: { value: "METRIC=COLUMN,...", about: "Which tag or column a metric is in, for example loss=train/loss; step= and time= name those columns.", repeated: true },
    follow: { about: "Read on as the log grows, until interrupted (Ctrl+C)." },
  },
  async run({ positional, json, home: directory, value, values, has }) {
    const format = formatOption(value("format")), map = columnMapping(values("map")), home = homeAt(directory);
    const logs = findLogs(positional[0]!, format);
    createHome(home);
    const found: ImportReport[] = [];
    if (has("follow")) {
      const imports: LogImport[] = [];
      for (const log of logs) imports.push(await LogImport.open(home, log, map));
      await follow(imports);
      found.push(...imports.map(({ report }) => report));
    } else for (const log of logs) found.push(await importOnce(home, log, map));
    const all = found.map(({ kept, ...report }, i) => ({ kept, report: { path: logs[i]!.path, format: logs[i]!.format, name: logs[i]!.name, ...report, names: Object.fromEntries(report.names) } }));
    const reports = all.filter(({ kept }) => kept).map(({ report }) => report);
    if (reports.length === 0) throw new Error(nothingFound(logs.map(({ path }) => path), found.flatMap(({ problems }) => problems)));
    print(json, reports, [
      table(["run", "format", "new rows", "rows", "newest step", "metrics", "name"], reports.map((one) => [one.runId, one.format, one.added, one.rows, one.step, Object.keys(one.names).length, one.name])),
      ...renamed(reports), ...found.flatMap(({ problems }) => problems), ...all.filter(({ kept }) => !kept).map(({ report }) => nothingFound([report.path], [])), "",
    ].join("\n"));
    return reports.every(({ rows }) => rows === 0) ? 1 : 0;
  },
};

/** Which tags fill which panels. */
function renamed(reports: readonly { names: Record<string, string | null> }[]): string[] {
  const pairs = new Set(reports.flatMap(({ names }) => Object.entries(names).filter(([tag, name]) => name !== null && name !== tag).map(([tag, name]) => `  ${tag} → ${name}`)));
  return pairs.size === 0 ? [] : ["", "Renamed:", ...[...pairs].slice(0, 50)];
}

async function follow(imports: readonly LogImport[]): Promise<void> {
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
  for (const one of imports) one.begin();
  try {
    while (!interrupted.signal.aborted) {
      for (const one of imports) one.read();
      await wait(POLL_MILLISECONDS, undefined, { signal: interrupted.signal }).catch(() => {});
    }
  } finally {
    for (const one of imports) one.end();
  }
}
