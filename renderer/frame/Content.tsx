// What stands right of the list: the start, the form, the comparison, or the chosen run with its tabs.
import { Tabs } from "@base-ui/react/tabs";
import { useCallback, useMemo } from "react";
import { useConnectionStatus, useRequest } from "../connection/index.ts";
import { NewRunPage } from "../newRun/index.tsx";
import { panels } from "../panels/index.tsx";
import { FirstStart } from "../start/index.tsx";
import { chooseRun } from "../state/runActions.ts";
import { useRuns } from "../state/runs.ts";
import { setView, useView, type Tab } from "../state/view.ts";
import { ComparePage, FilesTab, LogTab, SpecTab } from "../tabs/index.tsx";
import { DeletedRun } from "./DeletedRun.tsx";
import { RunHeader } from "./RunHeader.tsx";

export function Content() {
  const { page, run: chosen, overlaid } = useView();
  const { runs, loaded } = useRuns();
  const { message } = useConnectionStatus();
  const run = runs.find(({ id }) => id === chosen);
  const compared = useMemo(() => (chosen === null ? [] : [chosen, ...overlaid]), [chosen, overlaid]);
  if (!loaded) return <div className="page-state"><p className="muted" role="status">{message ?? "Reading the runs…"}</p></div>;
  if (page === "new") return <NewRun />;
  if (page === "compare") return <ComparePage runIds={compared} />;
  if (chosen === null) return <FirstStart onStarted={chooseRun} onNewRun={() => setView({ page: "new", source: null })} />;
  if (!run) return (
    <div className="page-state">
      <h1>This run is not here</h1>
      <p>No run of this data folder has the id <code>{chosen}</code>; it may have been deleted for good.</p>
      <button type="button" className="button" onClick={() => setView({ run: null, overlaid: [], page: "runs" })}>Show the runs</button>
    </div>
  );
  if (run.deletedAt !== null) return <DeletedRun run={run} deletedAt={run.deletedAt} />;
  return <div className="run-page"><RunHeader run={run} /><RunTabs runId={run.id} overlaid={overlaid} /></div>;
}

/** The form, begun from another run's spec where the view names one. */
function NewRun() {
  const { source, run } = useView();
  const { data, error } = useRequest("runs.get", { runId: source ?? "" }, { enabled: source !== null });
  const leave = useCallback(() => setView({ page: "runs", source: null, run }), [run]);
  const started = (runId: string) => setView({ page: "runs", source: null, run: runId, overlaid: [], tab: "overview" });
  if (source === null) return <NewRunPage key="new" onStarted={started} onCancel={leave} />;
  if (error) return <div className="page-state" role="alert"><h1>The spec could not be read</h1><p>{error.message}</p><button type="button" className="button" onClick={leave}>Back</button></div>;
  if (!data) return <div className="page-state"><p className="muted" role="status">Reading the spec…</p></div>;
  return <NewRunPage key={source} initialSpec={data.spec} lineage={{ kind: "duplicate", runId: source }} onStarted={started} onCancel={leave} />;
}

/** Tabs of one run alone. */
const RECORDS = [{ id: "spec", title: "Spec", Component: SpecTab }, { id: "log", title: "Log", Component: LogTab }, { id: "files", title: "Files", Component: FilesTab }] as const;

function RunTabs({ runId, overlaid }: { runId: string; overlaid: readonly string[] }) {
  const { tab } = useView();
  const runIds = useMemo(() => [runId, ...overlaid], [runId, overlaid]);
  return (
    <Tabs.Root className="tabs" value={tab} onValueChange={(next) => setView({ tab: next as Tab })}>
      <Tabs.List className="tab-list" aria-label="Views of the run">
        {[...panels, ...RECORDS].map(({ id, title }) => <Tabs.Tab key={id} className="tab" value={id}>{title}</Tabs.Tab>)}
      </Tabs.List>
      {panels.map(({ id, Component }) => <Tabs.Panel key={id} className="tab-panel" value={id}><Component runIds={runIds} primary={runId} /></Tabs.Panel>)}
      {RECORDS.map(({ id, Component }) => <Tabs.Panel key={id} className="tab-panel" value={id}><Component runId={runId} /></Tabs.Panel>)}
    </Tabs.Root>
  );
}
