// One import as a program of its own: node importProgram.ts HOME PATH MAPPING. A large log keeps nobody waiting then, and the lock of a
// run, which lasts as long as the process that took it, is free again afterwards. Prints {"runs": [...]} or {"error": "..."}.
import { ColumnMapping } from "../../contract/columnMapping.ts";
import { homeAt } from "../home.ts";
import { findLogs } from "./findLogs.ts";
import { importOnce } from "./importLog.ts";

const [home, path, mapping] = process.argv.slice(2);
const say = (document: unknown) => process.stdout.write(JSON.stringify(document));
try {
  const runs = [];
  for (const log of findLogs(path!, null)) {
    const { runId, kept, rows, problems } = await importOnce(homeAt(home), log, ColumnMapping.parse(JSON.parse(mapping!)));
    runs.push({ runId, kept, name: log.name, rows, problems });
  }
  say({ runs });
} catch (error) {
  say({ error: (error as Error).message });
}
