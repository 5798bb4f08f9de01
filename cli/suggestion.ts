// "Did you mean": the nearest known word to one that is unknown.

/** Insertions, deletions, changes and swaps of neighbours that lead from one word to the other. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = Number(a[i - 1] !== b[j - 1]);
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) next[j] = Math.min(next[j]!, before[j - 2]! + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}

const lastPart = (path: string): string => path.slice(path.lastIndexOf(".") + 1);

/** The known word that was probably meant, or null. Of a dotted path only the last part counts as long: the rest is the same for its neighbours. */
export function nearest(word: string, known: Iterable<string>): string | null {
  let best: { word: string; distance: number } | null = null;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (!best || distance < best.distance) best = { word: candidate, distance };
  }
  return best && best.distance <= Math.max(2, Math.floor(lastPart(best.word).length / 3)) ? best.word : null;
}

/** The field that was probably meant, or null: the nearest path, or else the only one of that name, wherever it stands. */
export function nearestField(path: string, known: readonly string[]): string | null {
  const elsewhere = known.filter((candidate) => lastPart(candidate) === lastPart(path));
  return nearest(path, known) ?? (elsewhere.length === 1 ? elsewhere[0]! : null);
}

/** ' Did you mean "x"?' or nothing. */
export const suggestion = (word: string, known: Iterable<string>): string => didYouMean(nearest(word, known));
export const didYouMean = (meant: string | null): string => (meant === null ? "" : ` Did you mean "${meant}"?`);
