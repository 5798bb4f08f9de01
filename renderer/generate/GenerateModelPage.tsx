// What an imported model says: the same as a run's tab, on a page of its own.
import { useRequest } from "../connection/index.ts";
import { setView, useView } from "../state/view.ts";
import { TabState } from "../tabs/TabState.tsx";
import { Request } from "./Request.tsx";
import { Result } from "./Result.tsx";
import "./generate.css";

export function GenerateModelPage() {
  const { model: id } = useView();
  const { data: model, error } = useRequest("models.info", { modelId: id ?? "" }, { enabled: id !== null });
  const back = () => setView({ page: "models" });
  if (id === null) return <div className="page-state"><h1>No model is chosen</h1><p>Choose one among the imported models.</p><button type="button" className="button" onClick={back}>Show the models</button></div>;
  if (!model) return <TabState error={error ?? null} loading="Reading the model…" />;
  return (
    <div className="generate-model">
      <header className="compare-head">
        <h1><bdi>{model.name}</bdi></h1>
        <span className="muted">what it writes</span>
        <span className="compare-buttons"><button type="button" className="button" onClick={back}>Back to the models</button></span>
      </header>
      {model.tokenizer === null
        ? <div className="page-state"><h2>Its tokens stand for no text</h2><p>The folder had no <code>tokenizer.json</code>. Put one beside <code>{model.source}/config.json</code> and import it again.</p></div>
        : <div className="generate-page">
            <Request kind="model" id={id} architecture={model.model.architecture} objective={model.model.architecture === "decoder-only" ? "causal" : "span-corruption"} checkpoints={[]} />
            <Result id={id} />
          </div>}
    </div>
  );
}
