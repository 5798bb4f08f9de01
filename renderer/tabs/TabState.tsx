// A tab without its content: still reading, or why not.
export function TabState({ error, loading }: { error: Error | null; loading: string }) {
  return <div className="page-state">{error ? <p className="field-error" role="alert">{error.message}</p> : <p className="muted" role="status">{loading}</p>}</div>;
}
