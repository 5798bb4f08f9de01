// What the run's model says: a text to go on from, how to choose tokens, and the answer with each token's expert.
import type { RunDetail } from "../../contract/handlers.ts";
import { client, useRefresh, useRequest, useRunChanges } from "../connection/index.ts";
import { attempt, say } from "../state/notice.ts";
import { isGoing as isTraining, useRuns } from "../state/runs.ts";
import { TabState } from "../tabs/TabState.tsx";
import { Answer } from "./Answer.tsx";
import { isGoing } from "./generationStore.ts";
import { Request } from "./Request.tsx";
import { useGeneration } from "./store.ts";
import "./generate.css";

export function GenerateTab({ runId }: { runId: string }) {
  const { data: detail, error } = useRequest("runs.get", { runId });
  const { data: checkpoints, error: checkpointsError } = useRequest("runs.checkpoints", { runId });
  const refresh = useRefresh();
  useRunChanges(runId, detail?.cursor, (rows) => {
    if (rows.checkpointsChanged) refresh("runs.checkpoints");
  });
  if (!detail || !checkpoints) return <TabState error={error ?? checkpointsError} loading="Reading the checkpoints…" />;
  const { spec } = detail;
  if (spec.model.architecture === "vision") return <div className="page-state"><h2>This model writes no text</h2><p>It sorts images into classes.</p></div>;
  const present = checkpoints.filter((checkpoint) => checkpoint.present).toSorted((a, b) => b.step - a.step);
  if (present.length === 0) return <NoCheckpoint runId={runId} spec={spec} />;
  return (
    <div className="generate-page">
      <Request runId={runId} spec={spec} checkpoints={present} />
      <Result runId={runId} />
    </div>
  );
}

function NoCheckpoint({ runId, spec }: { runId: string; spec: RunDetail["spec"] }) {
  const { runs } = useRuns();
  const run = runs.find(({ id }) => id === runId);
  const save = () => attempt(async () => {
    await client.send("runs.checkpoint", { runId });
    say("A checkpoint will be saved after this step.");
  });
  return (
    <div className="page-state">
      <h2>No checkpoint yet</h2>
      <p>Text comes from a saved model. One is saved every {spec.training.checkpoint.everySteps.toLocaleString("en")} steps, and when the run stops.</p>
      {run && isTraining(run) && <button type="button" className="button" onClick={save}>Save a checkpoint now</button>}
    </div>
  );
}

function Result({ runId }: { runId: string }) {
  const { state } = useGeneration(runId);
  return (
    <section className="generate-result" aria-label="Generated text" aria-busy={isGoing(state)}>
      {state.kind === "nothing" && <p className="generate-empty muted">The text appears here, each token with its probability and the experts that it was sent to.</p>}
      {state.kind === "loading" && <p className="generate-empty muted" role="status">{state.message}</p>}
      {state.kind === "failed" && <div className="generate-empty" role="alert"><p className="field-error">{state.message}</p>{state.detail && <details><summary>Detail</summary><pre className="mono">{state.detail}</pre></details>}</div>}
      {(state.kind === "writing" || state.kind === "done") && <Answer answer={state.answer} going={state.kind === "writing"} stopped={state.kind === "done" && state.stopped} />}
    </section>
  );
}
