// Ranges of steps that a zoom shows, both ends included.

export interface Range { from: number; to: number }

/** `range` made `factor` as wide around `centre`. */
export function zoomed({ from, to }: Range, centre: number, factor: number): Range {
  const half = Math.max(2, ((to - from) * factor) / 2);
  return { from: Math.round(centre - half), to: Math.round(centre + half) };
}

/** The range moved to where steps are, 1 to `last`; null where it holds them all. */
export function withinSteps({ from, to }: Range, last: number): Range | null {
  if (to - from >= last - 1) return null;
  const shift = from < 1 ? 1 - from : Math.min(0, last - to);
  return { from: from + shift, to: to + shift };
}
