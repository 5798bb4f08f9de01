// From a value to a colour. Load against the fair share is blue, grey, orange; probability cividis; dropped
// tokens red; any other measure a plain grey. Mixed in OKLab, so that equal steps look equally large.

export type Rgb = readonly [red: number, green: number, blue: number];
export type HeatmapScaleName = "load" | "overload" | "probability" | "dropped" | "measure";

/** The colours of a theme, read from its CSS variables. */
export interface ScaleColours {
  /** Least to greatest of the load scale, with the fair share in the middle. */
  load: readonly [least: Rgb, less: Rgb, fair: Rgb, more: Rgb, greatest: Rgb];
  /** Nothing dropped, everything dropped. */
  dropped: readonly [none: Rgb, all: Rgb];
  /** Least to most of what is neither load, probability nor dropped. */
  measure: readonly [low: Rgb, high: Rgb];
  /** Cells without a record. */
  absent: Rgb;
  /** Strokes of the hatching over a dead expert. */
  hatch: Rgb;
}

/** Loads beyond a quarter and four times the fair share have the end colours; the same everywhere, so colours compare. */
export const LOAD_LIMIT = 4;
/** An expert under this share of its fair load is dead (NeMo Automodel). */
export const DEAD_BELOW = 0.1;

const toLinear = (channel: number): number => {
  const c = channel / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
};
const fromLinear = (channel: number): number => {
  const c = Math.min(1, Math.max(0, channel));
  return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
};

function toOklab([r8, g8, b8]: Rgb): [number, number, number] {
  const [r, g, b] = [toLinear(r8), toLinear(g8), toLinear(b8)];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromOklab([lightness, a, b]: readonly [number, number, number]): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    fromLinear(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    fromLinear(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    fromLinear(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

/** `share` of the way from `from` to `to`. */
export function mix(from: Rgb, to: Rgb, share: number): Rgb {
  if (share <= 0) return from;
  if (share >= 1) return to;
  const [a, b] = [toOklab(from), toOklab(to)];
  return fromOklab([a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share]);
}

/** 256 colours from evenly spaced stops. */
function table(stops: readonly Rgb[]): Rgb[] {
  return Array.from({ length: 256 }, (_, i) => {
    const position = (i / 255) * (stops.length - 1);
    const index = Math.min(stops.length - 2, Math.floor(position));
    return mix(stops[index]!, stops[index + 1]!, position - index);
  });
}

/** Cividis (Nuñez, Anderton and Renslow 2018), sampled at nine places; the same in both themes. */
const CIVIDIS: readonly Rgb[] = [
  [0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120], [165, 156, 116], [195, 179, 105], [254, 232, 56],
];

/** Position of a load on its scale: 0 at a quarter of the fair share, 0.5 at the fair share, 1 at four times. */
export function loadPosition(relative: number): number {
  if (!(relative > 0)) return 0;
  const octaves = Math.log2(relative) / Math.log2(LOAD_LIMIT);
  return Math.min(1, Math.max(0, (octaves + 1) / 2));
}

/** The inverse of `loadPosition` inside the scale. */
export const loadAtPosition = (position: number): number => LOAD_LIMIT ** (2 * position - 1);

export interface ColourScale {
  name: HeatmapScaleName;
  /** Colour of a position 0..1. */
  at(position: number): Rgb;
  /** Position of a value, clamped. */
  position(value: number): number;
  /** Where the scale beside the heatmap has marks. */
  ticks: readonly { value: number; position: number }[];
}

/** Round marks from `low` to `high`, about `count` of them. */
export function linearTicks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999)!;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** The scale `name` for values from `low` to `high`; the load scale has its own fixed range. */
export function colourScale(name: HeatmapScaleName, colours: ScaleColours, low: number, high: number): ColourScale {
  if (name === "load") {
    const colourTable = table(colours.load);
    return {
      name,
      at: (position) => colourTable[Math.round(position * 255)]!,
      position: loadPosition,
      ticks: [0.25, 0.5, 1, 2, 4].map((value) => ({ value, position: loadPosition(value) })),
    };
  }
  if (name === "overload") {
    // From the fair share upwards in octaves, at least to four times: the upper half of the load scale, stretched.
    const octaves = Math.log2(Math.max(LOAD_LIMIT, high));
    const colourTable = table(colours.load.slice(2));
    const position = (value: number) => Math.min(1, Math.max(0, Math.log2(value) / octaves));
    return {
      name, at: (p) => colourTable[Math.round(p * 255)]!, position,
      ticks: Array.from({ length: Math.floor(octaves + 1e-9) + 1 }, (_, i) => ({ value: 2 ** i, position: i / octaves })),
    };
  }
  const span = high > low ? high - low : 1;
  const colourTable = table(name === "dropped" ? colours.dropped : name === "measure" ? colours.measure : CIVIDIS);
  const position = (value: number) => Math.min(1, Math.max(0, (value - low) / span));
  return {
    name,
    at: (p) => colourTable[Math.round(p * 255)]!,
    position,
    ticks: linearTicks(low, low + span, 4).map((value) => ({ value, position: position(value) })),
  };
}

export const cssColour = ([r, g, b]: Rgb): string => `rgb(${r} ${g} ${b})`;

/** Reads "#rgb", "#rrggbb", "rgb(…)"; null for anything else. */
export function parseColour(text: string): Rgb | null {
  const value = text.trim();
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(value);
  if (short) return [1, 2, 3].map((i) => parseInt(short[i]! + short[i]!, 16)) as unknown as Rgb;
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(value);
  if (long) return [1, 2, 3].map((i) => parseInt(long[i]!, 16)) as unknown as Rgb;
  const functional = /^rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)/i.exec(value);
  return functional ? ([1, 2, 3].map((i) => Number(functional[i])) as unknown as Rgb) : null;
}
