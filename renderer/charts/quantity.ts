// A number as a person reads it in a chart: at most 4 significant digits, with its unit, a share as a percentage of
// something.

const MINUS = "−";
const withMinus = (text: string): string => text.replace(/^-/, MINUS).replace(/e-(\d)/, `e${MINUS}$1`);

/** `digits` significant digits, no trailing zeros, thousands as k, M, G; tiny and huge ones in powers of ten. */
export function shortNumber(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e15) return withMinus(value.toExponential(Math.max(0, digits - 2)).replace(/\.?0+e/, "e").replace("e+", "e"));
  for (const [unit, factor] of [["T", 1e12], ["G", 1e9], ["M", 1e6]] as const) {
    if (size >= factor) return `${withMinus(trimmed(value / factor, digits))}${unit}`;
  }
  if (size >= 1e4) return `${withMinus(trimmed(value / 1e3, digits))}k`;
  return size >= 1000 ? withMinus(Number(value.toPrecision(digits)).toLocaleString("en")) : withMinus(trimmed(value, digits));
}

const trimmed = (value: number, digits: number): string => String(Number(value.toPrecision(digits)));

/** "3.12%" of 0.0312. */
export const percent = (share: number, digits = 3): string =>
  Number.isFinite(share) ? `${withMinus(trimmed(share * 100, digits))}%` : shortNumber(share);

/** Units that are a share of something are written as percentages of it. */
export const isShare = (unit: string): boolean => unit.startsWith("of ");

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB"] as const;
const bytes = (value: number): string => {
  const power = value < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log2(value) / 10));
  return `${trimmed(value / 1024 ** power, 3)} ${BYTES[power]}`;
};

/** Value with its unit: "2.31 nats/token", "3.12% of tokens", "1.5 GiB". */
export function quantity(value: number, unit: string): string {
  if (isShare(unit)) return `${percent(value)} ${unit}`;
  if (unit === "bytes" && Number.isFinite(value)) return bytes(value);
  return unit === "" || unit === "probability" ? shortNumber(value) : `${shortNumber(value)} ${unit}`;
}

/** Value without the words of its unit, as on an axis: "2.31", "3.1%". */
export function bareQuantity(value: number, unit: string): string {
  if (isShare(unit)) return percent(value);
  if (unit === "bytes" && Number.isFinite(value)) return bytes(value);
  return shortNumber(value);
}

/** The value as it is, for hover: seven significant digits, which is what the engine's 32-bit numbers hold. */
export function exactQuantity(value: number, unit: string): string {
  if (!Number.isFinite(value)) return shortNumber(value);
  const exact = (number: number): string => withMinus(Number.isInteger(number) ? number.toLocaleString("en") : String(Number(number.toPrecision(7))));
  if (isShare(unit)) return `${exact(value * 100)}% ${unit}`;
  return unit === "" || unit === "probability" ? exact(value) : `${exact(value)} ${unit}`;
}

/** What an axis is titled: "cross-entropy (nats/token)", "dropped tokens (% of tokens)". */
export const axisTitle = (label: string, unit: string): string =>
  unit === "" || unit === "bytes" ? label : `${label} (${isShare(unit) ? `% ${unit}` : unit})`;

/** Seconds as "45 s", "12 min", "3 h 05 min". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return shortNumber(seconds);
  if (seconds < 60) return `${trimmed(seconds, 3)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return seconds < 600 && seconds % 60 >= 0.5 ? `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s` : `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** "1 step", "412 steps". */
export const counted = (count: number, noun: string): string => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
