// The spec as JSON, to be copied, pasted and edited.
import { useState } from "react";
import { sentenceOf } from "../connection/index.ts";
import { readJson, type Draft } from "../spec/draft.ts";

export function JsonView({ draft, change }: { draft: Draft; change: (draft: Draft) => void }) {
  const [text, setText] = useState(() => JSON.stringify(draft, null, 2));
  const [error, setError] = useState<string | null>(null);
  const edit = (next: string) => {
    setText(next);
    try {
      change(readJson(next));
      setError(null);
    } catch (problem) {
      setError(sentenceOf(problem));
    }
  };
  return (
    <div className="json-view">
      <p className="muted">The spec as the trainer reads it. Fields left out take their defaults.</p>
      <textarea className="input mono" aria-label="Spec as JSON" spellCheck={false} value={text} onChange={(event) => edit(event.target.value)} />
      {error && <p className="field-error" role="alert">{error}</p>}
    </div>
  );
}
