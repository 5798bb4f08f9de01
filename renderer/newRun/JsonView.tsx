// The spec as JSON, to be copied, pasted and edited.
import { titleOf } from "../spec/specFields.ts";

/** What stands in the text field, and why it can't be read; null while it can. */
export interface JsonText { text: string; error: string | null }

interface Props extends JsonText { issues: ReadonlyMap<string, string>; change: (text: string) => void }

export function JsonView({ text, error, issues, change }: Props) {
  return (
    <div className="json-view">
      <p className="muted">The spec as the trainer reads it. Fields left out take their defaults.</p>
      <textarea className="input mono" aria-label="Spec as JSON" aria-invalid={error !== null || issues.size > 0} aria-describedby="json-problems" spellCheck={false} value={text} onChange={(event) => change(event.target.value)} />
      <div id="json-problems">{error ? <p className="field-error" role="alert">{error}</p> : <IssueList issues={issues} />}</div>
    </div>
  );
}

/** Mistakes by their path. `show` leads to the field of one that has a field. */
export function IssueList({ issues, show }: { issues: ReadonlyMap<string, string>; show?: (path: string) => (() => void) | null }) {
  if (issues.size === 0) return null;
  return <ul className="issue-list" role="alert">{[...issues].map(([path, message]) => {
    const go = show?.(path);
    return <li key={path} className="field-error">{go ? <button type="button" className="link" onClick={go}>{titleOf(path)}</button> : <code>{path || "spec"}</code>}: {message}</li>;
  })}</ul>;
}
