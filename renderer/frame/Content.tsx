// What stands right of the list: the start, the form, the comparison, the imported models, or the chosen run with its tabs.
import { Tabs } from "@base-ui/react/tabs";
import { useCallback, useMemo } from "react";
import { sentenceOf, useConnectionStatus, useRequest } from "../connection/index.ts";
import { fromModel, fromRun } from "../../contract/derive.ts";
import { HostsPage } from "../hosts/index.tsx";
import { ModelsPage } from "../models/index.tsx";
import { derived, duplicate, type Beginning } from "../newRun/beginning.ts";
import { GenerateModelPage } from "../generate/GenerateModelPage.tsx";
import { GenerateTab } from "../generate/GenerateTab.tsx";
import { NewRunPage } from "../newRun/index.tsx";
import { PlanPage } from "../plan/index.tsx";
import { panels } from "../panels/index.tsx";
import { FirstStart } from "../start/index.tsx";
import { chooseRun, newRun } from "../state/runActions.ts";
import { useRuns } from "../state/runs.ts";
import { setView, useView, type Tab } from "../state/view.ts";
import { ComparePage, FilesTab, LogTab, SpecTab } from "../tabs/index.tsx";
import { DeletedRun } from "./DeletedRun.tsx";
import { RunHeader } from "./RunHeader.tsx";

export function Content() {
  const { page, run: chosen, overlaid, model } = useView();
  const { runs, loaded } = useRuns();
  const { message } = useConnectionStatus();
  const run = runs.find(({ id }) => id === chosen);
  const compared = useMemo(() => (chosen === null ? [] : [chosen, ...overlaid]), [chosen, overlaid]);
  if (!loaded) return <div className="page-state"><p className="muted" role="status">{message ?? "Reading the runs…"}</p></div>;
  if (page === "new") return <NewRun />;
  if (page === "models") return <ModelsPage />;
  if (page === "generate") return <GenerateModelPage key={model} />;
  if (page === "plan") return <PlanPage />;
  if (page === "hosts" || page === "tpus") return <HostsPage />;
  if (page === "compare") return <ComparePage runIds={compared} />;
  if (chosen === null) return <FirstStart onStarted={chooseRun} onNewRun={newRun} />;
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

/** The form, begun from another run or an imported model where the view names one. */
function NewRun() {
  const { source, model, as, run } = useView();
  const { data: ofRun, error: noRun } = useRequest("runs.get", { runId: source ?? "" }, { enabled: source !== null });
  const { data: ofModel, error: noModel } = useRequest("models.info", { modelId: model ?? "" }, { enabled: source === null && model !== null && as !== null });
  const leave = useCallback(() => setView({ page: source === null && model !== null && as !== null ? "models" : "runs", source: null, as: null, run }), [source, model, as, run]);
  const started = (runId: string) => setView({ page: "runs", source: null, model: null, as: null, run: runId, overlaid: [], tab: "overview" });
  const begun = useMemo((): { beginning: Beginning } | { refusal: string } | null => {
    try {
      if (source !== null && ofRun) return { beginning: as === null ? duplicate(source, ofRun.spec) : derived(as, fromRun(source, ofRun.summary.name, ofRun.spec)) };
      return as !== null && ofModel ? { beginning: derived(as, fromModel(ofModel)) } : null;
    } catch (problem) {
      return { refusal: sentenceOf(problem) };
    }
  }, [source, as, ofRun, ofModel]);
  if (source === null && (model === null || as === null)) return <NewRunPage key="new" onStarted={started} onCancel={leave} />;
  const problem = noRun ?? noModel, sentence = problem ? sentenceOf(problem) : begun && "refusal" in begun ? begun.refusal : null;
  if (sentence !== null) return <div className="page-state" role="alert"><h1>{problem ? "The spec could not be read" : "That can’t be done"}</h1><p>{sentence}</p><button type="button" className="button" onClick={leave}>Back</button></div>;
  if (!begun || !("beginning" in begun)) return <div className="page-state"><p className="muted" role="status">Reading the spec…</p></div>;
  return <NewRunPage key={begun.beginning.key} beginning={begun.beginning} onStarted={started} onCancel={leave} />;
}

/** Tabs of one run alone. */
const RECORDS = [{ id: "generate", title: "Generate", Component: GenerateTab }, { id: "spec", title: "Spec", Component: SpecTab }, { id: "log", title: "Log", Component: LogTab }, { id: "files", title: "Files", Component: FilesTab }] as const;

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
