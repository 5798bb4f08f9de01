// Checkpoints, and where everything of the run lies.
import { moment } from "../charts/moment.ts";
import { quantity, shortNumber } from "../charts/quantity.ts";
import { fromWire } from "../../contract/events.ts";
import { metricDefinition, targetOf } from "../../contract/metrics.ts";
import { importedFrom } from "../../contract/runSpec.ts";
import { client, useRefresh, useRequest, useRunChanges } from "../connection/index.ts";
import { attempt, say } from "../state/notice.ts";
import { useRuns } from "../state/runs.ts";
import { CheckpointButtons } from "../remoteRuns/CheckpointButtons.tsx";
import { TabState } from "./TabState.tsx";
import "./tabs.css";

export function FilesTab({ runId }: { runId: string }) {
  const { data: detail, error: detailError } = useRequest("runs.get", { runId });
  const { data: checkpoints, error } = useRequest("runs.checkpoints", { runId });
  const elsewhere = detail !== undefined && detail.summary.host !== null;
  const { data: remote } = useRequest("runs.remote", { runId }, { enabled: elsewhere });
  const refresh = useRefresh();
  const { runs } = useRuns();
  const running = runs.find(({ id }) => id === runId)?.status === "running";
  useRunChanges(runId, detail?.cursor, (rows) => {
    if (rows.checkpointsChanged) refresh("runs.checkpoints");
  });
  const newestPresent = Math.max(-1, ...(checkpoints ?? []).filter(({ present }) => present).map(({ step }) => step));
  if (!detail || !checkpoints) return <TabState error={error ?? detailError} loading="Reading the checkpoints…" />;
  const imported = importedFrom(detail.spec), { host } = detail.summary;
  const copy = (path: string) => void navigator.clipboard.writeText(path).then(() => say("Copied the path."), () => say("The browser did not allow copying."));
  const save = () => attempt(async () => {
    await client.send("runs.checkpoint", { runId });
    say("A checkpoint will be saved after this step.");
  });
  return (
    <div className="tab-page">
      <div className="tab-bar">
        <span>{host === null ? "Directory" : `Copied from ${host} to`}</span><code className="path">{detail.directory}</code>
        <button type="button" className="button" onClick={() => copy(detail.directory)}>Copy path</button>
        {running && !imported && <button type="button" className="button" onClick={save}>Save a checkpoint now</button>}
      </div>
      {remote && remote.directory !== null && (
        <div className="tab-bar">
          <span>{remote.workers.length > 1 ? `On ${remote.place}, worker 0 of ${remote.workers.length} (${remote.workers[0]!.host})` : `On ${remote.place}`}</span><code className="path">{remote.directory}</code>
          <button type="button" className="button" onClick={() => copy(remote.directory!)}>Copy path</button>
        </div>
      )}
      {checkpoints.length === 0 ? imported ? <p className="tab-empty muted">Not recorded: this run was imported from {imported.path}, and its checkpoints are its trainer’s.</p> : <p className="tab-empty muted">No checkpoint yet. One is saved every {detail.spec.training.checkpoint.everySteps.toLocaleString("en")} steps or {shortNumber(detail.spec.training.checkpoint.everyMinutes)} minutes, and when the run stops.</p> : (
        <table className="file-table number">
          <caption className="visually-hidden">Checkpoints, newest first</caption>
          <thead><tr><th scope="col">Step</th><th scope="col">Saved</th><th scope="col">Because</th><th scope="col">Evaluation cross-entropy ({metricDefinition("evaluation.loss", targetOf(detail.spec)).unit})</th><th scope="col">Size</th><th scope="col">Folder</th><td /></tr></thead>
          <tbody>{checkpoints.toSorted((a, b) => b.step - a.step).map(({ step, t, bytes, reason, evaluationLoss, best, present, remote }) => (
            <tr key={step} data-gone={!present && !remote}>
              <th scope="row">{step.toLocaleString("en")}</th><td>{moment(t)}</td><td>{reason}</td>
              <td>{evaluationLoss === null ? "" : shortNumber(fromWire(evaluationLoss))}{best && <b> best</b>}</td>
              <td>{quantity(bytes, "bytes")}</td><td>{present ? <code>checkpoints/step-{step}</code> : remote ? <span>on {host}</span> : <span className="muted">{step < newestPresent ? "gone, newer ones took its place" : "no longer on disk"}</span>}</td>
              <td>{(present || remote) && <CheckpointButtons runId={runId} step={step} fetch={remote && !present} changed={() => refresh("runs.checkpoints")} />}</td>
            </tr>
          ))}</tbody>
        </table>
      )}
      {!imported && <p className="tab-note muted">model.safetensors and optimizer.safetensors open with any safetensors reader; manifest.json holds their SHA-256.</p>}
    </div>
  );
}
