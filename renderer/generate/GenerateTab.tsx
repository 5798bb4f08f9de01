// What the run's model says: a text to go on from, how to choose tokens, and the answer with each token's expert.
import type { RunDetail } from "../../contract/handlers.ts";
import { client, useRefresh, useRequest, useRunChanges } from "../connection/index.ts";
import { attempt, say } from "../state/notice.ts";
import { isGoing as isTraining, useRuns } from "../state/runs.ts";
import { TabState } from "../tabs/TabState.tsx";
import { Request } from "./Request.tsx";
import { Result } from "./Result.tsx";
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
      <Request kind="run" id={runId} architecture={spec.model.architecture} objective={spec.data.objective} checkpoints={present} />
      <Result id={runId} />
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
