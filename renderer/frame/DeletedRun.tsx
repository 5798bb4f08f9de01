// A run that was deleted and can still be restored.
import { day } from "../charts/moment.ts";
import type { RunSummary } from "../../contract/handlers.ts";
import { RESTORABLE_DAYS, restore } from "../state/runActions.ts";
import { setView } from "../state/view.ts";

export function DeletedRun({ run, deletedAt }: { run: RunSummary; deletedAt: number }) {
  return (
    <div className="page-state">
      <h1>This run is deleted</h1>
      <p className="path"><bdi>{run.name}</bdi></p>
      <p>Its files go on {day(deletedAt + RESTORABLE_DAYS * 86_400)}. Until then it can be restored with everything it had.</p>
      <p className="page-buttons">
        <button type="button" className="button primary" onClick={() => restore(run)}>Restore</button>
        <button type="button" className="button" onClick={() => setView({ run: null, overlaid: [], page: "runs" })}>Show the runs</button>
      </p>
    </div>
  );
}
