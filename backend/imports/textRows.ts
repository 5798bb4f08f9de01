// Logs of text lines: JSON objects (MaxText's metrics file among them) and CSV, with a column for the step.
import { MAX_LINE_BYTES, MAX_TAG_BYTES, isStep, problem, type Decode, type Decoded, type DecoderState, type LogRow } from "./logDecoder.ts";

/** Columns by which trainers name the step and the time, in order of preference. */
export const STEP_COLUMNS = ["step", "global_step", "_step", "iteration", "iter", "epoch"] as const;
export const TIME_COLUMNS = ["wall_time", "timestamp", "_timestamp", "time"] as const;

/** Columns of step and time, where a person named them. */
export interface TextColumns { step?: string; time?: string }

const NEWLINE = 0x0a;

/** Whole lines of `bytes`; one longer than is read is passed over in pieces. */
function eachLine(bytes: Buffer, state: DecoderState, decoded: Decoded, take: (line: string) => void): void {
  let at = 0;
  for (;;) {
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0) break;
    if (state.skip === 0) {
      if (end - at > MAX_LINE_BYTES) problem(decoded, `A line of ${end - at} bytes was passed over; ${MAX_LINE_BYTES} are read at most.`);
      else take(bytes.toString("utf8", at, end).trim());
    }
    state.skip = 0;
    at = end + 1;
  }
  if (bytes.length - at > MAX_LINE_BYTES) {
    if (state.skip === 0) problem(decoded, `A line of more than ${MAX_LINE_BYTES} bytes was passed over.`);
    state.skip = -1;
    at = bytes.length;
  }
  decoded.consumed = at;
}

function rowOf(cells: Iterable<[string, unknown]>, columns: TextColumns): LogRow | null {
  const all = new Map<string, number>();
  for (const [name, cell] of cells) {
    const value = numberOf(cell);
    if (value !== null && Buffer.byteLength(name) <= MAX_TAG_BYTES) all.set(name, value);
  }
  const named = (known: readonly string[], chosen: string | undefined) => (chosen === undefined ? known.find((name) => all.has(name)) : chosen);
  const stepColumn = named(STEP_COLUMNS, columns.step), timeColumn = named(TIME_COLUMNS, columns.time);
  const step = stepColumn === undefined ? undefined : all.get(stepColumn), time = timeColumn === undefined ? undefined : all.get(timeColumn);
  if (step === undefined || !isStep(step)) return null;
  if (stepColumn !== undefined) all.delete(stepColumn);
  if (timeColumn !== undefined) all.delete(timeColumn);
  return { step, t: time !== undefined && Number.isFinite(time) ? time : null, values: [...all] };
}

/** What Python, JavaScript and C print for numbers that JSON lacks. */
const NOT_FINITE = /^([+-]?)(nan|inf|infinity)$/i;
function numberOf(cell: unknown): number | null {
  if (typeof cell === "number") return cell;
  if (typeof cell !== "string" || cell.trim() === "") return null;
  const special = NOT_FINITE.exec(cell.trim());
  if (special) return special[2]!.toLowerCase() === "nan" ? NaN : special[1] === "-" ? -Infinity : Infinity;
  const value = Number(cell);
  return Number.isNaN(value) ? null : value;
}

/** Strings, and outside of them the bare words that Python's json.dumps writes for numbers that are not finite. */
const STRING_OR_BARE = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/** A line of JSON in which NaN, Infinity and -Infinity may stand bare. @throws SyntaxError */
export function parsePythonJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return JSON.parse(line.replace(STRING_OR_BARE, (found) => (found.startsWith('"') ? found : `"${found}"`)));
  }
}

/** Numbers of an object, those of objects within it by names joined with "/". */
function* flat(value: object, prefix = "", depth = 0): Generator<[string, unknown]> {
  for (const [key, inner] of Object.entries(value)) {
    const name = prefix + key;
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner)) {
      if (depth < 4) yield* flat(inner, `${name}/`, depth + 1);
    } else yield [name, inner];
  }
}

/** JSON objects, one a line. */
export const decodeJsonLines = (columns: TextColumns = {}): Decode => (bytes, state) => {
  const decoded: Decoded = { consumed: 0, rows: [], problems: [] };
  eachLine(bytes, state, decoded, (line) => {
    if (line === "") return;
    let value: unknown;
    try {
      value = parsePythonJson(line);
    } catch {
      return problem(decoded, "A line that is no JSON was skipped.");
    }
    const row = typeof value === "object" && value !== null && !Array.isArray(value) ? rowOf(flat(value), columns) : null;
    if (row) decoded.rows.push(row);
    else problem(decoded, `A line without a whole step was skipped${columns.step === undefined ? "; name its column with --map step=NAME" : ""}.`);
  });
  return decoded;
};

/** Cells of a CSV line (RFC 4180); a quoted cell does not go over a line's end. */
export function csvCells(line: string): string[] {
  const cells: string[] = [];
  let at = 0;
  do {
    if (line[at] === '"') {
      let cell = "";
      for (at++; at < line.length; at++) {
        if (line[at] !== '"') cell += line[at];
        else if (line[at + 1] === '"') cell += line[at++];
        else break;
      }
      cells.push(cell);
      const comma = line.indexOf(",", at);
      at = comma < 0 ? line.length + 1 : comma + 1;
    } else {
      const comma = line.indexOf(",", at), end = comma < 0 ? line.length : comma;
      cells.push(line.slice(at, end).trim());
      at = end + 1;
    }
  } while (at <= line.length);
  return cells;
}

/** Lines of cells below a line of names. */
export const decodeCsv = (columns: TextColumns = {}): Decode => (bytes, state) => {
  const decoded: Decoded = { consumed: 0, rows: [], problems: [] };
  eachLine(bytes, state, decoded, (line) => {
    if (line === "") return;
    const cells = csvCells(line);
    if (state.columns === null) {
      state.columns = cells.slice(0, 10_000).map((name) => name.replace(/^\uFEFF/, ""));
      return;
    }
    const row = rowOf(state.columns.map((name, i): [string, unknown] => [name, cells[i]]), columns);
    if (row) decoded.rows.push(row);
    else problem(decoded, `A line without a whole step was skipped${columns.step === undefined ? "; name its column with --map step=NAME" : ""}.`);
  });
  return decoded;
};
