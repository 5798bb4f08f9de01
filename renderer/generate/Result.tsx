// The right side: what has come of the request so far, or why nothing did.
import { Answer } from "./Answer.tsx";
import { isGoing } from "./generationStore.ts";
import { useGeneration } from "./store.ts";

export function Result({ id }: { id: string }) {
  const { state } = useGeneration(id);
  return (
    <section className="generate-result" aria-label="Generated text" aria-busy={isGoing(state)}>
      {state.kind === "nothing" && <p className="generate-empty muted">The text appears here, each token with its probability and the experts that it was sent to.</p>}
      {state.kind === "loading" && <p className="generate-empty muted" role="status">{state.message}</p>}
      {state.kind === "failed" && <div className="generate-empty" role="alert"><p className="field-error">{state.message}</p>{state.detail && <details><summary>Detail</summary><pre className="mono">{state.detail}</pre></details>}</div>}
      {(state.kind === "writing" || state.kind === "done") && <Answer answer={state.answer} going={state.kind === "writing"} stopped={state.kind === "done" && state.stopped} />}
    </section>
  );
}
