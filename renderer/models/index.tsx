// Imported models: what is there, what can be made of each, and how to bring another one.
import { Menu } from "@base-ui/react/menu";
import { useState } from "react";
import { day } from "../charts/moment.ts";
import type { ModelFile, ModelInspection } from "../../contract/modelFile.ts";
import { counted, quantity, shortNumber } from "../charts/quantity.ts";
import { client, sentenceOf, useRefresh, useRequest } from "../connection/index.ts";
import { useSettled } from "../connection/useSettled.ts";
import { Icon } from "../frame/Icon.tsx";
import { attempt, say } from "../state/notice.ts";
import { modelActions } from "../state/modelActions.ts";
import { setView, useView } from "../state/view.ts";
import { expertsText, familyText } from "./modelWords.ts";
import "./models.css";

export function ModelsPage() {
  const { data: models, error } = useRequest("models.list", {});
  return (
    <div className="models">
      <header className="compare-head">
        <h1>Imported models</h1>
        <span className="muted number">{models && models.length > 0 ? counted(models.length, "model") : ""}</span>
        <span className="compare-buttons"><button type="button" className="button" onClick={() => setView({ page: "runs" })}>Back to the runs</button></span>
      </header>
      <div className="models-body">
        <ImportForm />
        {error ? <p className="field-error" role="alert">{sentenceOf(error)}</p> : !models ? <p className="muted" role="status">Reading the models…</p> : models.length === 0 ? <Empty /> : <ModelTable models={models} />}
      </div>
    </div>
  );
}

function Empty() {
  return (
    <div className="models-empty">
      <h2>No model is imported yet</h2>
      <p>Folders that transformers saved can be brought in: SwitchTransformers such as <code>google/switch-base-8</code>, and T5, dense and 1.1 with gated layers. A folder
        holds <code>config.json</code>, <code>model.safetensors</code> or its several parts, and best <code>tokenizer.json</code> too. A pickle (<code>.bin</code>, <code>.pt</code>) is refused: save it as safetensors first.</p>
      <p>An imported model can write, be fine-tuned on pairs of text, teach a dense student, or, where it is dense, be upcycled into experts. Your own runs offer the same in their menus.</p>
    </div>
  );
}

function ModelTable({ models }: { models: readonly ModelFile[] }) {
  const { model: chosen } = useView();
  return (
    <div className="model-scroll">
      <table className="file-table model-table">
        <caption className="visually-hidden">Imported models, newest first</caption>
        <thead><tr><th scope="col">Name</th><th scope="col">Family</th><th scope="col">Experts</th><th scope="col" className="number">Parameters</th><th scope="col">Tokenizer</th><th scope="col">Imported</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
        <tbody>{models.map((model) => (
          <tr key={model.id} aria-selected={model.id === chosen}>
            <th scope="row"><bdi>{model.name}</bdi><code className="muted path" title={model.id}>{model.source}</code></th>
            <td>{familyText(model.model)}</td><td>{expertsText(model.model)}</td>
            <td className="number" title={model.parameters.toLocaleString("en")}>{shortNumber(model.parameters, 3)}</td>
            <td>{model.tokenizer ? counted(model.vocabularySize, "token") : <span className="muted">none</span>}</td>
            <td className="number">{day(model.importedAt)}</td>
            <td><ModelMenu model={model} /></td>
          </tr>
        ))}</tbody>
      </table>
    </div>
  );
}

function ModelMenu({ model }: { model: ModelFile }) {
  const [first, ...rest] = modelActions(model);
  return (
    <span className="model-buttons">
      <button type="button" className="button" onClick={first!.perform}>{first!.label}</button>
      <Menu.Root>
        <Menu.Trigger className="button menu-button" aria-label={`More for ${model.name}`} title={`More for ${model.name}`}><Icon name="more" /></Menu.Trigger>
        <Menu.Portal>
          <Menu.Positioner className="menu-place" sideOffset={4} align="end">
            <Menu.Popup className="menu">{rest.map((action) => <Menu.Item key={action.id} className="menu-item" data-danger={action.danger} onClick={action.perform}>{action.label}</Menu.Item>)}</Menu.Popup>
          </Menu.Positioner>
        </Menu.Portal>
      </Menu.Root>
    </span>
  );
}

function ImportForm() {
  const [directory, setDirectory] = useState("");
  const [importing, setImporting] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const refresh = useRefresh();
  const settled = useSettled(directory.trim(), 400);
  const { data: found, error, isFetching } = useRequest("models.inspect", { directory: settled }, { enabled: settled !== "" && settled === directory.trim() });
  const wrong = failure ?? (settled !== "" && error ? sentenceOf(error) : null);
  const type = (text: string) => {
    setDirectory(text);
    setFailure(null);
  };
  const open = () => attempt(async () => {
    const [folder] = await window.switchyard!.openPaths({ kind: "folders", multiple: false, title: "Folder of a model" });
    if (folder !== undefined) type(folder);
  });
  const bring = async () => {
    setImporting(true);
    try {
      const { modelId } = await client.send("models.import", { directory: directory.trim() });
      refresh("models.list");
      setView({ model: modelId });
      say(`Imported ${found?.name ?? "the model"}.`);
      setDirectory("");
    } catch (problem) {
      setFailure(sentenceOf(problem));
    } finally {
      setImporting(false);
    }
  };
  return (
    <form className="import-form" onSubmit={(event) => { event.preventDefault(); void bring(); }}>
      <label htmlFor="import-directory">Import a folder in transformers’ layout</label>
      <div className="import-row">
        <input id="import-directory" className="input mono" placeholder="/home/me/switch-base-8" autoComplete="off" spellCheck={false} aria-describedby="import-found" aria-invalid={wrong !== null} value={directory} disabled={importing} onChange={(event) => type(event.target.value)} />
        {window.switchyard && <button type="button" className="button" disabled={importing} onClick={open}>Choose…</button>}
        <button type="submit" className="button primary" disabled={importing || directory.trim() === "" || !found || wrong !== null}>{importing ? "Importing…" : "Import"}</button>
      </div>
      <p id="import-found" className="field-help">{wrong !== null ? <span className="field-error" role="alert">{wrong}</span> : found && settled !== "" ? <Found {...found} /> : <span className="muted">{isFetching ? "Looking at the folder…" : "The weights are copied; the folder itself is left as it is."}</span>}</p>
    </form>
  );
}

const Found = ({ model, parameters, tokenizer, vocabularySize }: ModelInspection) => (
  <span className="number">{familyText(model)}; experts {expertsText(model)}; {shortNumber(parameters, 3)} parameters, {quantity(4 * parameters, "bytes")}; {counted(vocabularySize, "token")}, {tokenizer ? "with a tokenizer" : "without a tokenizer"}.</span>
);
