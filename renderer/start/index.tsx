// What is shown while no run is chosen: at the first start one button that trains the sample.
import { useState } from "react";
import { counted, quantity } from "../charts/quantity.ts";
import { client, sentenceOf, useRequest } from "../connection/index.ts";
import { SAMPLE } from "../newRun/presets.ts";
import { openDialog } from "../state/dialog.ts";
import { useRuns } from "../state/runs.ts";
import "./start.css";

export function FirstStart({ onStarted, onNewRun }: { onStarted: (runId: string) => void; onNewRun: () => void }) {
  const { runs } = useRuns();
  const { data: devices } = useRequest("devices.read", {});
  const { data: app } = useRequest("app.info", {});
  const [starting, setStarting] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const first = runs.every(({ deletedAt }) => deletedAt !== null);
  const train = async () => {
    setStarting(true);
    setError(null);
    try {
      onStarted((await client.send("runs.start", { spec: SAMPLE.spec })).runId);
    } catch (problem) {
      setError(sentenceOf(problem));
      setStarting(false);
    }
  };
  return (
    <div className="start">
      <h1>{first ? "Train a Switch Transformer" : "Choose a run from the list"}</h1>
      <p>{first
        ? "The sample is a small encoder-decoder with 8 experts in every second layer. It learns to fill in hidden spans of presidential addresses and Moby Dick; within a minute its loss falls and every panel shows where its router sends the tokens."
        : "Or begin another one."}</p>
      <div className="start-buttons">
        <button type="button" className={first ? "button primary" : "button"} disabled={starting} onClick={() => void train()}>{starting ? "Starting…" : "Train the sample"}</button>
        <button type="button" className={first ? "button" : "button primary"} onClick={onNewRun}>New run…</button>
        <button type="button" className="button" onClick={() => openDialog({ kind: "import" })}>Import a log…</button>
      </div>
      {error && <p className="field-error" role="alert">{error}</p>}
      <dl className="start-facts number">
        <div><dt>Trains on</dt><dd>{devices ? (devices.gpus.find(({ usable }) => usable)?.name ?? `${devices.cpu.name}, ${counted(devices.cpu.logicalCores, "thread")}`) : "…"}
          {devices && devices.gpus.length === 0 && <span className="muted">{devices.cuda.reason}</span>}</dd></div>
        <div><dt>Free memory</dt><dd>{devices ? `${quantity(devices.cpu.memoryAvailableBytes, "bytes")} of ${quantity(devices.cpu.memoryBytes, "bytes")}` : "…"}</dd></div>
        <div><dt>Runs are kept in</dt><dd><code>{app?.home ?? "…"}</code></dd></div>
      </dl>
    </div>
  );
}
