// How wide the figures of a panel are, so that every row of the grid is full in whatever order they stand.

const ROW = 12;

/** What an item takes of 12 columns, by the width of the panel: see the container rules in panels.css. */
const WIDTHS = {
  wide: (columns: number) => columns,
  medium: (columns: number) => (columns > 6 ? ROW : 6),
  huge: (columns: number) => (columns === ROW ? 6 : columns),
} as const;

/** Columns of each item once rows are packed: the last of a row takes what is left of it. */
export function packed(columns: readonly number[]): number[] {
  const result: number[] = [];
  let used = 0;
  for (const wanted of columns) {
    if (used + wanted > ROW) {
      result[result.length - 1]! += ROW - used;
      used = 0;
    }
    result.push(wanted);
    used += wanted;
  }
  if (result.length > 0) result[result.length - 1]! += ROW - used;
  return result;
}

/** The spans of each item as custom properties of its style. */
export function spanStyles(columns: readonly number[]): Record<`--span-${keyof typeof WIDTHS}`, number>[] {
  const [wide, medium, huge] = (["wide", "medium", "huge"] as const).map((width) => packed(columns.map(WIDTHS[width])));
  return columns.map((_, i) => ({ "--span-wide": wide![i]!, "--span-medium": medium![i]!, "--span-huge": huge![i]! }));
}
