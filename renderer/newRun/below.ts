/** First sentence about the path or anything below it. */
export function below(issues: ReadonlyMap<string, string>, path: string): string | undefined {
  for (const [at, sentence] of issues) if (at === path || at.startsWith(`${path}.`)) return sentence;
  return undefined;
}
