// What stands right of the list: the start, the form, the comparison, or the chosen run with its tabs.
import { Tabs } from "@base-ui/react/tabs";
import { useMemo } from "react";
import { useConnectionStatus } from "../connection/index.ts";
import { panels } from "../panels/index.tsx";
import { useRuns } from "../state/runs.ts";
import { setView, useView, type Tab } from "../state/view.ts";
import { RunHeader } from "./RunHeader.tsx";

export function Content() {
  const { run: chosen, overlaid } = useView();
  const { runs, loaded } = useRuns();
  const { message } = useConnectionStatus();
  const run = runs.find(({ id }) => id === chosen);
  if (!loaded) return <div className="page-state"><p className="muted" role="status">{message ?? "Reading the runs…"}</p></div>;
  if (chosen === null) return null;
  if (!run) return (
    <div className="page-state">
      <h1>This run is not here</h1>
      <p>No run of this data folder has the id <code>{chosen}</code>; it may have been deleted for good.</p>
      <button type="button" className="button" onClick={() => setView({ run: null, overlaid: [], page: "runs" })}>Show the runs</button>
    </div>
  );
  return <div className="run-page"><RunHeader run={run} /><RunTabs runId={run.id} overlaid={overlaid} /></div>;
}

function RunTabs({ runId, overlaid }: { runId: string; overlaid: readonly string[] }) {
  const { tab } = useView();
  const runIds = useMemo(() => [runId, ...overlaid], [runId, overlaid]);
  return (
    <Tabs.Root className="tabs" value={tab} onValueChange={(next) => setView({ tab: next as Tab })}>
      <Tabs.List className="tab-list" aria-label="Views of the run">
        {panels.map(({ id, title }) => <Tabs.Tab key={id} className="tab" value={id}>{title}</Tabs.Tab>)}
      </Tabs.List>
      {panels.map(({ id, Component }) => <Tabs.Panel key={id} className="tab-panel" value={id}><Component runIds={runIds} primary={runId} /></Tabs.Panel>)}
    </Tabs.Root>
  );
}
