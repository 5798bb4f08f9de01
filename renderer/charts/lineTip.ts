// What the tip of a line chart says at a step: a row a line, and where the step lies.
import { leadLine, valueAt, type Line } from "./lineData.ts";
import { bareQuantity, duration, exactQuantity, shortNumber } from "./quantity.ts";

export interface TipRow {
  key: string;
  name: string;
  dots: boolean;
  colour: string;
  value: string;
  /** What the line measures, least and greatest of its bucket, and the step of the value where it isn't the tip's. */
  note: string;
}

/** In the order of the lines; sorted by value where they are too many to look one up by its place. */
export function tipRows(lines: readonly Line[], step: number, unit: string): TipRow[] {
  const found = lines.flatMap((line) => {
    const at = valueAt(line, step);
    return at ? [{ line, at }] : [];
  });
  if (found.length > 8) found.sort((a, b) => a.at.last - b.at.last);
  return found.map(({ line, at }) => ({
    key: line.key, name: line.name, dots: line.dots ?? false, colour: line.colour, value: exactQuantity(at.last, unit),
    note: [
      line.label,
      at.max > at.min && `${bareQuantity(at.min, unit)} – ${bareQuantity(at.max, unit)}`,
      at.step !== step && `at step ${at.step.toLocaleString("en")}`,
    ].filter(Boolean).join(" · "),
  }));
}

/** "step 193 · 12.4k tokens · 45 s"; tokens and time only of a row recorded at the step itself. */
export function tipPlace(lines: readonly Line[], step: number): string {
  const words = [`step ${step.toLocaleString("en")}`];
  const lead = leadLine(lines);
  const at = lead && valueAt(lead, step);
  if (!lead || at?.step !== step) return words[0]!;
  const tokens = lead.source.columns.tokens[at.index]!;
  const seconds = lead.source.columns.seconds[at.index]!;
  if (tokens > 0) words.push(`${shortNumber(tokens, 3)} tokens`);
  if (seconds > 0) words.push(duration(seconds));
  return words.join(" · ");
}

/** The tip for screen readers: its first rows. */
export const tipSentence = (rows: readonly TipRow[], step: number): string =>
  `Step ${step.toLocaleString("en")}: ${rows.slice(0, 5).map(({ name, value, note }) => `${name} ${value}${note ? ` (${note})` : ""}`).join(", ")}`;
