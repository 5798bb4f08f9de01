// The chosen run: what it is, what it does now, how far it is, and the buttons for it.
import { isImported, type RunSummary } from "../../contract/handlers.ts";
import { openDialog } from "../state/dialog.ts";
import { isResumable, reconnect, resume, stop, toggleOverlay } from "../state/runActions.ts";
import { isGoing, useRuns } from "../state/runs.ts";
import { setView, useView } from "../state/view.ts";
import { Icon } from "./Icon.tsx";
import { Origins } from "./Origins.tsx";
import { RunMenu } from "./RunMenu.tsx";
import { preparationText, progressText, STATUS } from "./runText.ts";
import { Swatch } from "./Swatch.tsx";

export function RunHeader({ run }: { run: RunSummary }) {
  const { word, glyph } = STATUS[run.status];
  const share = run.steps > 0 ? Math.min(1, run.step / run.steps) : 0;
  const preparing = run.step === 0 || run.status === "preparing" || run.status === "starting" ? preparationText(run) : null;
  const progress = isGoing(run) && preparing ? preparing : progressText(run);
  return (
    <header className="run-header">
      <div className="run-title">
        <Swatch colour={run.colour} />
        <h1><button type="button" className="title-button" title="Rename" onClick={() => openDialog({ kind: "rename", runId: run.id })}><bdi>{run.name}</bdi></button></h1>
        <span className="status" data-status={run.status} role="status"><span aria-hidden="true">{glyph}</span> {word}</span>
        {run.host !== null && <span className="run-place" title={`This run is on ${run.host}; what is shown here is copied from there`}>on <bdi>{run.host}</bdi></span>}
        <span className="number muted run-progress-text" title={progress}>{progress}</span>
        <span className="run-buttons">
          {run.status === "unreachable" && <button type="button" className="button" onClick={() => reconnect(run)}>Try now</button>}
          {isGoing(run) && run.status !== "unreachable" && !isImported(run) && <button type="button" className="button" disabled={run.status === "stopping"} onClick={() => stop(run)}>{run.status === "stopping" ? "Stopping…" : "Stop and save"}</button>}
          {isResumable(run) && <button type="button" className="button" onClick={() => resume(run)}>Resume</button>}
          <RunMenu run={run} label="More for this run" className="button menu-button"><Icon name="more" /></RunMenu>
        </span>
      </div>
      {!isImported(run) && <progress className="run-progress" max={1} value={share} aria-label={`${(share * 100).toFixed(0)}% of the steps`} data-status={run.status} />}
      {run.statusMessage && <p className="run-message" data-level={run.status === "failed" ? "error" : "info"}>{run.status === "failed" && <Icon name="warning" />}<span>{run.statusMessage}</span></p>}
      {run.tags.length > 0 && <ul className="tags" aria-label="Tags">{run.tags.map((tag) => <li key={tag}><bdi>{tag}</bdi></li>)}</ul>}
      {run.note && <p className="run-note muted"><bdi>{run.note}</bdi></p>}
      <Origins runId={run.id} />
      <Overlaid />
    </header>
  );
}

/** The runs laid over this one, to be taken out again or compared. */
function Overlaid() {
  const { overlaid } = useView();
  const { runs } = useRuns();
  if (overlaid.length === 0) return null;
  return (
    <div className="overlaid">
      <span className="muted">With</span>
      <ul>{overlaid.map((id) => {
        const run = runs.find((other) => other.id === id);
        return <li key={id}>{run && <Swatch colour={run.colour} />}<bdi>{run?.name ?? id.slice(0, 8)}</bdi>
          <button type="button" className="icon-button small" aria-label={`Take ${run?.name ?? id} out of the charts`} onClick={() => toggleOverlay(id)}><Icon name="close" /></button></li>;
      })}</ul>
      <button type="button" className="button" onClick={() => setView({ page: "compare" })}>Compare</button>
    </div>
  );
}
