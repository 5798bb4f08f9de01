// A run's metrics or routing as one CSV or JSON document.
import { toWire } from "../contract/events.ts";
import { statement, type ReadableDB } from "./database.ts";
import { allRouting } from "./routingRows.ts";
import { metricNames } from "./runRows.ts";

/** A field of RFC 4180; text that a spreadsheet would run as a formula is made text. */
export function csvField(value: unknown): string {
  const text = value === null || value === undefined ? "" : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) && !/^[+-]?Infinity$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
const csvLine = (fields: unknown[]) => `${fields.map(csvField).join(",")}\r\n`;

interface Sample { step: number; tokens: number; seconds: number; values: Map<string, number> }

/** Every recorded step with all its values, evaluation beside training. */
function* samples(db: ReadableDB, run: number, names: string[]): Generator<Sample> {
  // One sorted cursor a metric, merged by step: no table is held in memory.
  const cursors = names.map((name) => {
    const rows = db.prepare<[number, string], { step: number; value: number | null }>(
      "SELECT step, value FROM value WHERE metric = (SELECT metric FROM metric WHERE run = ? AND name = ?) ORDER BY step").iterate(run, name);
    return { name, rows, next: rows.next() };
  });
  const steps = db.prepare<[number], { step: number; tokens: number; seconds: number }>(
    "SELECT step, tokens, seconds FROM sample WHERE run = ? GROUP BY step HAVING evaluation = min(evaluation) ORDER BY step").iterate(run);
  for (const { step, tokens, seconds } of steps) {
    const values = new Map<string, number>();
    for (const cursor of cursors)
      while (!cursor.next.done && cursor.next.value.step <= step) {
        if (cursor.next.value.step === step) values.set(cursor.name, cursor.next.value.value ?? NaN);
        cursor.next = cursor.rows.next();
      }
    yield { step, tokens, seconds, values };
  }
}

/** Characters of the largest document: what one string and one message can hold. */
const MAX_EXPORT_CHARACTERS = 200_000_000;

/** `null` when there is no such run. @throws a sentence when the document would be too large. */
export function exportRun(db: ReadableDB, id: string, format: "csv" | "json", what: "metrics" | "routing"): string | null {
  const row = statement<{ run: number; name: string }>(db, "SELECT run, name FROM run WHERE id = ?").get(id);
  if (!row) return null;
  const lines: string[] = [];
  let characters = 0;
  const add = (line: string) => {
    characters += line.length + 1;
    if (characters > MAX_EXPORT_CHARACTERS) throw new Error("This run has more rows than one exported document can hold; its events.jsonl has them all.");
    lines.push(line);
  };
  if (what === "metrics") {
    const names = metricNames(db, row.run);
    if (format === "csv") add(csvLine(["step", "tokens", "seconds", ...names]));
    for (const { step, tokens, seconds, values } of samples(db, row.run, names))
      add(format === "csv"
        ? csvLine([step, tokens, seconds, ...names.map((name) => values.get(name))])
        : JSON.stringify({ step, tokens, seconds, values: Object.fromEntries([...values].map(([name, value]) => [name, toWire(value)])) }));
  } else {
    if (format === "csv")
      add(csvLine(["step", "stack", "layer", "expert", "experts", "capacity", "groups", "tokens", "load", "kept", "probability", "entropy", "confidence", "dropped", "auxiliaryLoss", "zLoss"]));
    for (const routing of allRouting(db, row.run)) {
      if (format === "json") add(JSON.stringify(routing));
      else for (let expert = 0; expert < routing.experts; expert++)
        add(csvLine([routing.step, routing.stack, routing.layer, expert, routing.experts, routing.capacity, routing.groups, routing.tokens,
          routing.load[expert], routing.kept[expert], routing.probability[expert], routing.entropy, routing.confidence, routing.dropped, routing.auxiliaryLoss, routing.zLoss]));
    }
  }
  return format === "csv" ? lines.join("") : `{"run":${JSON.stringify({ id, name: row.name })},"${what}":[\n${lines.join(",\n")}\n]}\n`;
}
