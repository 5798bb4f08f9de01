// What can be done with a checkpoint: fetched from the host that it lies on, and gone on from.
import { useState } from "react";
import { client } from "../connection/index.ts";
import { openDialog } from "../state/dialog.ts";
import { attempt, say } from "../state/notice.ts";
import { useTransfer } from "./useTransfer.ts";
import "./remote.css";

export function CheckpointButtons({ runId, step, fetch, changed }: { runId: string; step: number; fetch: boolean; changed: () => void }) {
  const [fetching, setFetching] = useState(false);
  const progress = useTransfer(runId, step, fetching);
  const download = () => attempt(async () => {
    setFetching(true);
    try {
      await client.send("runs.download", { runId, step });
      say(`The checkpoint of step ${step.toLocaleString("en")} is here.`);
    } finally {
      setFetching(false);
      changed();
    }
  });
  return (
    <span className="checkpoint-buttons">
      {fetch && <button type="button" className="button" disabled={fetching} onClick={download}>{fetching ? progress ?? "Fetching…" : "Download"}</button>}
      <button type="button" className="button" onClick={() => openDialog({ kind: "continue", runId, step })}>Go on from here…</button>
    </span>
  );
}
