// The spec as the run was started with: it never changes.
import { useState } from "react";
import { moment } from "../charts/moment.ts";
import { importedFrom, type RunSpec, type WeightsSource } from "../../contract/runSpec.ts";
import { useRequest } from "../connection/index.ts";
import { SourceLink } from "../frame/Origins.tsx";
import { say } from "../state/notice.ts";
import { chooseRun } from "../state/runActions.ts";
import { useRuns } from "../state/runs.ts";
import { setView } from "../state/view.ts";
import { valueAt, type Draft, type Json } from "../spec/draft.ts";
import { isRelevant } from "../spec/relevance.ts";
import { fieldFacts, GROUPS, type Group } from "../spec/specFields.ts";
import { specValue } from "../spec/specValue.ts";
import { TabState } from "./TabState.tsx";
import "./tabs.css";

export function SpecTab({ runId }: { runId: string }) {
  const { data, error } = useRequest("runs.get", { runId });
  const [json, setJson] = useState(false);
  if (!data) return <TabState error={error} loading="Reading the spec…" />;
  const imported = importedFrom(data.spec);
  if (imported) return (
    <div className="tab-page">
      <p className="tab-empty muted">Not recorded: this run was imported from another trainer’s log, which says nothing of its model, data and settings.</p>
      <div className="spec-groups number"><RunFacts directory={data.directory} lineage={imported} runId={runId} /></div>
    </div>
  );
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
        <button type="button" className="button" onClick={() => setView({ page: "new", source: runId, as: null, host: null })}>Duplicate with changes…</button>
      </div>
      {json ? <pre className="spec-json mono">{text}</pre> : (
        <div className="spec-groups number">
          <RunFacts directory={data.directory} lineage={data.spec.lineage} runId={runId} />
          {GROUPS.map((group) => <SpecGroup key={group.id} group={group} draft={draft} />)}
        </div>
      )}
    </div>
  );
}

/** The fields of a group that have a consequence in this spec. */
function SpecGroup({ group: { id, title, paths }, draft }: { group: Group; draft: Draft }) {
  const fields = paths.filter((path) => isRelevant(path, draft)).map(fieldFacts);
  const origins = id === "origin" ? (["start", "distillation.teacher"] as const).flatMap((path) => {
    const source = valueAt(draft, path) ?? null;
    return source === null ? [] : [{ path, source: source as unknown as WeightsSource }];
  }) : [];
  const dense = id === "experts" && valueAt(draft, "model.sparse") === null;
  const layers = id === "experts" ? valueAt(draft, "model.sparse.layers") ?? null : null;
  if (fields.length === 0 && origins.length === 0 && !dense) return null;
  return (
    <section>
      <h2>{title}</h2>
      <dl>
        {id === "data" && <SpecRow title="Data" value={sourceText(draft)} />}
        {id === "data" && isRelevant("data.tokenizer", draft) && <SpecRow title="Tokenizer" value={String(valueAt(draft, "data.tokenizer.path") ?? "bytes")} />}
        {origins.map(({ path, source }) => <div key={path} title={fieldFacts(path).description}><dt>{fieldFacts(path).title}</dt><dd><SourceLink source={source} /></dd></div>)}
        {dense && <SpecRow title="Experts" value="none: a dense model" />}
        {fields.map((facts) => <SpecRow key={facts.path} title={facts.title} value={specValue(valueAt(draft, facts.path), facts)} help={facts.description} />)}
        {layers !== null && <SpecRow title="Sparse layers" value={layersText(layers as Record<string, Json>)} />}
        {id === "training" && Object.entries(valueAt(draft, "training.optimizer") as Draft).map(([name, value]) => <SpecRow key={name} title={name === "kind" ? "Optimizer" : name} value={specValue(value)} />)}
      </dl>
    </section>
  );
}

/** "encoder 1, 3; decoder 1". */
const layersText = (layers: Record<string, Json>): string =>
  Object.entries(layers).flatMap(([stack, numbers]) => (Array.isArray(numbers) && numbers.length > 0 ? `${stack} ${numbers.join(", ")}` : [])).join("; ");

function sourceText(draft: Draft): string {
  const source = valueAt(draft, "data.source") as { kind: string; name?: string; names?: string[]; paths?: string[]; heldOut?: string[] | null; images?: string; labels?: string };
  if (source.kind === "images") return source.name === "mnist" ? "MNIST" : String(source.name);
  if (source.kind === "idx") return `${source.images}, ${source.labels}`;
  return `${(source.names ?? source.paths ?? []).join(", ")}${source.heldOut ? `; evaluation on ${source.heldOut.join(", ")}` : ""}`;
}

function SpecRow({ title, value, help }: { title: string; value: string; help?: string }) {
  return <div title={help}><dt>{title}</dt><dd><bdi>{value}</bdi></dd></div>;
}

function RunFacts({ directory, lineage, runId }: { directory: string; lineage: RunSpec["lineage"]; runId: string }) {
  const { runs } = useRuns();
  const run = runs.find(({ id }) => id === runId);
  const parent = lineage?.kind === "duplicate" && runs.find(({ id }) => id === lineage.runId);
  return (
    <section>
      <h2>As it ran</h2>
      <dl>
        <div><dt>Id</dt><dd><code>{runId}</code></dd></div>
        <div><dt>Directory</dt><dd><code>{directory}</code></dd></div>
        {run && <><SpecRow title="Created" value={moment(run.createdAt)} />
          <SpecRow title="Device used" value={run.device ?? "not known yet"} />
          <SpecRow title="Parameters" value={lineage?.kind === "imported" ? "not recorded" : run.parameters?.toLocaleString("en") ?? "not known yet"} />
          <SpecRow title="Attempts" value={String(run.attempt)} /></>}
        {lineage?.kind === "imported" && <><div><dt>Imported from</dt><dd><code>{lineage.path}</code></dd></div><SpecRow title="Format" value={lineage.format} /></>}
        {lineage?.kind === "duplicate" && <div><dt>Duplicate of</dt><dd>{parent ? <button type="button" className="link" onClick={() => chooseRun(parent.id)}><bdi>{parent.name}</bdi></button> : <code>{lineage.runId}</code>}</dd></div>}
      </dl>
    </section>
  );
}
