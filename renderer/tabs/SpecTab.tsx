// The spec as the run was started with: it never changes.
import { useState } from "react";
import { useRequest } from "../connection/index.ts";
import { say } from "../state/notice.ts";
import { chooseRun } from "../state/runActions.ts";
import { useRuns } from "../state/runs.ts";
import { setView } from "../state/view.ts";
import { valueAt, type Draft } from "../spec/draft.ts";
import { fieldFacts, GROUPS } from "../spec/specFields.ts";
import { specValue } from "../spec/specValue.ts";
import { TabState } from "./TabState.tsx";
import "./tabs.css";

export function SpecTab({ runId }: { runId: string }) {
  const { data, error } = useRequest("runs.get", { runId });
  const [json, setJson] = useState(false);
  if (!data) return <TabState error={error} loading="Reading the spec…" />;
  const draft = data.spec as unknown as Draft;
  const text = JSON.stringify(data.spec, null, 2);
  return (
    <div className="tab-page">
      <div className="tab-bar">
        <div className="segments" role="radiogroup" aria-label="How to show the spec">
          <label><input type="radio" name="spec-view" checked={!json} onChange={() => setJson(false)} />Fields</label>
          <label><input type="radio" name="spec-view" checked={json} onChange={() => setJson(true)} />JSON</label>
        </div>
        <span className="muted">As it ran; it can’t be changed.</span>
        <button type="button" className="button" onClick={() => void navigator.clipboard.writeText(text).then(() => say("Copied the spec."), () => say("The browser did not allow copying."))}>Copy JSON</button>
        <button type="button" className="button" onClick={() => setView({ page: "new", source: runId })}>Duplicate with changes…</button>
      </div>
      {json ? <pre className="spec-json mono">{text}</pre> : (
        <div className="spec-groups number">
          <RunFacts directory={data.directory} lineage={data.spec.lineage} runId={runId} />
          {GROUPS.map(({ id, title, paths }) => (
            <section key={id}>
              <h3>{title}</h3>
              <dl>
                {id === "data" && <><SpecRow title="Text" value={sourceText(draft)} /><SpecRow title="Tokenizer" value={tokenizerText(draft)} /></>}
                {id === "experts" && valueAt(draft, "model.sparse") === null ? <SpecRow title="Experts" value="none: a dense model" /> : paths.map((path) => {
                  const facts = fieldFacts(path);
                  return <SpecRow key={path} title={facts.title} value={specValue(valueAt(draft, path), facts)} help={facts.description} />;
                })}
                {id === "training" && Object.entries(data.spec.training.optimizer).map(([name, value]) => <SpecRow key={name} title={name === "kind" ? "Optimizer" : name} value={specValue(value)} />)}
              </dl>
            </section>
          ))}
        </div>
      )}
    </div>
  );
}

const sourceText = (draft: Draft): string => {
  const source = valueAt(draft, "data.source") as { names?: string[]; paths?: string[] };
  return (source.names ?? source.paths ?? []).join(", ");
};
const tokenizerText = (draft: Draft): string => String(valueAt(draft, "data.tokenizer.path") ?? "bytes");

function SpecRow({ title, value, help }: { title: string; value: string; help?: string }) {
  return <div title={help}><dt>{title}</dt><dd><bdi>{value}</bdi></dd></div>;
}

function RunFacts({ directory, lineage, runId }: { directory: string; lineage: { runId: string } | null; runId: string }) {
  const { runs } = useRuns();
  const run = runs.find(({ id }) => id === runId);
  const parent = lineage && runs.find(({ id }) => id === lineage.runId);
  return (
    <section>
      <h3>As it ran</h3>
      <dl>
        <div><dt>Id</dt><dd><code>{runId}</code></dd></div>
        <div><dt>Directory</dt><dd><code>{directory}</code></dd></div>
        {run && <><SpecRow title="Created" value={new Date(run.createdAt * 1000).toLocaleString()} />
          <SpecRow title="Device used" value={run.device ?? "not known yet"} />
          <SpecRow title="Parameters" value={run.parameters?.toLocaleString("en") ?? "not known yet"} />
          <SpecRow title="Attempts" value={String(run.attempt)} /></>}
        {lineage && <div><dt>Duplicate of</dt><dd>{parent ? <button type="button" className="link" onClick={() => chooseRun(parent.id)}><bdi>{parent.name}</bdi></button> : <code>{lineage.runId}</code>}</dd></div>}
      </dl>
    </section>
  );
}
