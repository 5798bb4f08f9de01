// Dashboards that run on the host, at a port of this machine. Opening one is the person's act.
import { useState } from "react";
import type { Forward, HostSummary } from "../../contract/hosts.ts";
import { client, sentenceOf } from "../connection/index.ts";
import { attempt } from "../state/notice.ts";

/** Where dashboards listen unless they are told otherwise. */
const USUAL = [{ label: "TensorBoard", port: 6006 }, { label: "xprof", port: 8791 }] as const;

export function Ports({ host: { name }, forwards }: { host: HostSummary; forwards: readonly Forward[] }) {
  const [text, setText] = useState("");
  const [opening, setOpening] = useState<number | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const port = Number(text), valid = /^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535;
  const open = async (remote: number, label: string) => {
    setOpening(remote);
    setFailure(null);
    try {
      await client.send("forwards.open", { name, port: remote, label });
      setText("");
    } catch (error) {
      setFailure(sentenceOf(error));
    } finally {
      setOpening(null);
    }
  };
  return (
    <section className="ports" aria-labelledby="ports-title">
      <h3 id="ports-title">Dashboards on the host</h3>
      <form className="ports-form" onSubmit={(event) => { event.preventDefault(); if (valid) void open(port, ""); }}>
        {USUAL.filter((usual) => !forwards.some(({ remotePort }) => remotePort === usual.port)).map(({ label, port: remote }) => <button key={remote} type="button" className="button" disabled={opening !== null} onClick={() => void open(remote, label)}>{label} <span className="muted number">:{remote}</span></button>)}
        <label className="ports-other"><span className="muted">Other port</span><input className="input number" inputMode="numeric" size={6} placeholder="8080" value={text} aria-invalid={text !== "" && !valid} onChange={(event) => setText(event.target.value.trim())} /></label>
        <button type="submit" className="button" disabled={!valid || opening !== null}>{opening !== null ? "Forwarding…" : "Forward"}</button>
      </form>
      {failure && <p className="field-error" role="alert">{failure}</p>}
      {text !== "" && !valid && <p className="field-error" role="alert">A port is a number from 1 to 65,535.</p>}
      {forwards.length > 0 && (
        <ul className="port-list">{forwards.map((forward) => (
          <li key={forward.id}>
            <b>{forward.label}</b>
            <span className="number"><code>127.0.0.1:{forward.localPort}</code> <span className="muted">leads to port {forward.remotePort} there</span></span>
            {!forward.answers && <span className="port-silent">Nothing listened there when it was tried.</span>}
            <span className="port-buttons">
              {!forward.answers && <button type="button" className="button" onClick={() => void open(forward.remotePort, forward.label)}>Try again</button>}
              <a className="button" href={forward.url} target="_blank" rel="noopener noreferrer">Open</a>
              <button type="button" className="button" onClick={() => attempt(() => client.send("forwards.close", { forwardId: forward.id }))}>Close</button>
            </span>
          </li>
        ))}</ul>
      )}
    </section>
  );
}
