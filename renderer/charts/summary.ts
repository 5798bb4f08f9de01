// What a chart shows, said in a sentence: its text alternative, and the line under its caption.
import { bareQuantity, counted, isShare, quantity, shortNumber } from "./quantity.ts";

export interface LineFacts {
  /** Name of the run or layer. */
  name: string;
  firstStep: number;
  lastStep: number;
  first: number;
  last: number;
  min: number;
  max: number;
  median: number;
}

/** Facts of the finite values of a line; null when it has none. */
export function lineFacts(name: string, steps: ArrayLike<number>, last: ArrayLike<number>, min: ArrayLike<number>, max: ArrayLike<number>, length: number): LineFacts | null {
  let facts: LineFacts | null = null;
  const finite: number[] = [];
  for (let i = 0; i < length; i++) {
    const value = last[i]!;
    if (!Number.isFinite(value)) continue;
    finite.push(value);
    const least = Number.isFinite(min[i]!) ? min[i]! : value;
    const greatest = Number.isFinite(max[i]!) ? max[i]! : value;
    if (!facts) facts = { name, firstStep: steps[i]!, lastStep: steps[i]!, first: value, last: value, min: least, max: greatest, median: value };
    facts.lastStep = steps[i]!;
    facts.last = value;
    if (least < facts.min) facts.min = least;
    if (greatest > facts.max) facts.max = greatest;
  }
  if (facts) facts.median = finite.sort((a, b) => a - b)[finite.length >> 1]!;
  return facts;
}

/** "cross-entropy fell from 5.55 to 2.31 in 412 steps", with what it did in between where that is news. */
export function lineSentence(label: string, unit: string, facts: LineFacts): string {
  const steps = facts.lastStep - facts.firstStep;
  const value = (v: number) => (isShare(unit) || unit === "bytes" ? bareQuantity(v, unit) : shortNumber(v, 3));
  if (steps === 0) return `${label} is ${quantity(facts.last, unit)} at step ${facts.lastStep.toLocaleString("en")}`;
  const span = counted(steps, "step");
  // A rate has no course: its last value says how busy the machine was at that moment.
  if (unit.endsWith("/s")) return `${label}: median ${quantity(facts.median, unit)} over ${span}, between ${value(facts.min)} and ${value(facts.max)}`;
  if (facts.min === facts.max) return `${label} stayed at ${value(facts.last)} for ${span}`;
  const change = facts.last - facts.first;
  const scale = Math.max(Math.abs(facts.first), Math.abs(facts.last));
  const excursion = (limit: number) => Math.abs(limit - facts.first) > 2 * Math.abs(change) && Math.abs(limit - facts.last) > 0.1 * scale;
  const news = excursion(facts.max) ? `, with a peak of ${value(facts.max)}` : excursion(facts.min) ? `, with a low of ${value(facts.min)}` : "";
  if (scale === 0 || Math.abs(change) <= 0.01 * scale) return `${label} stayed near ${value(facts.last)} for ${span}${news}`;
  return `${label} ${change < 0 ? "fell" : "rose"} from ${value(facts.first)} to ${value(facts.last)} in ${span}${news}`;
}

/** Names of 200 characters would leave no room for the numbers. */
export const shortName = (name: string, letters = 32): string => {
  const all = [...name];
  return all.length > letters ? `${all.slice(0, letters - 1).join("")}…` : name;
};

/** One sentence for any number of lines: one is told as a course, several by which is lowest and highest at the end. */
export function linesSentence(label: string, unit: string, lines: readonly LineFacts[], noun: string): string {
  if (lines.length === 0) return `${label}: nothing recorded yet`;
  if (lines.length === 1) return lineSentence(label, unit, lines[0]!);
  const sorted = [...lines].sort((a, b) => a.last - b.last);
  const lowest = sorted[0]!;
  const highest = sorted.at(-1)!;
  if (lowest.last === highest.last) return `${label} of ${counted(lines.length, noun)}: all ${quantity(lowest.last, unit)}`;
  if (lines.length === 2) return `${label}: ${quantity(lowest.last, unit)} (${shortName(lowest.name)}), ${quantity(highest.last, unit)} (${shortName(highest.name)})`;
  return `${label} of ${counted(lines.length, noun)}: lowest ${quantity(lowest.last, unit)} (${shortName(lowest.name)}), highest ${quantity(highest.last, unit)} (${shortName(highest.name)})`;
}
