// Devices, what just happened, and the connection.
import { useEffect, useRef, useState } from "react";
import type { Devices } from "../../contract/handlers.ts";
import { counted, shortNumber } from "../charts/quantity.ts";
import { client, useConnectionStatus } from "../connection/index.ts";
import { clearNotice, useNotice } from "../state/notice.ts";
import { useHosts } from "../state/hosts.ts";
import { takeBack } from "../state/runActions.ts";
import { isGoing, listed, useRuns } from "../state/runs.ts";
import { useSettings } from "../state/settings.ts";
import { Icon } from "./Icon.tsx";

const gibibytes = (bytes: number): string => shortNumber(bytes / 2 ** 30, 3);
const CONNECTION = { connecting: "connecting…", connected: "backend connected", reconnecting: "backend lost, reconnecting…", refused: "backend refuses", closed: "closed" } as const;

function useDevices(): Devices | null {
  const [devices, setDevices] = useState<Devices | null>(null);
  useEffect(() => client.subscribe("devices", {}, setDevices), []);
  return devices;
}

export function StatusBar() {
  const { runs } = useRuns();
  const going = runs.filter(isGoing).length;
  return (
    <footer className="status-bar number">
      <DeviceFacts devices={useDevices()} />
      <NoticeLine />
      <ConnectionFact />
      <HostsFact />
      <span className="muted">{going > 0 ? `${counted(going, "run")} going` : "no run going"}</span>
    </footer>
  );
}

function DeviceFacts({ devices }: { devices: Devices | null }) {
  if (!devices) return <span className="muted">reading the devices…</span>;
  const { cpu, gpus, cuda } = devices;
  const used = cpu.memoryBytes - cpu.memoryAvailableBytes;
  return (
    <ul className="devices" aria-label="Devices">
      <li title={`${cpu.name}; ${cpu.physicalCores} cores, ${cpu.logicalCores} threads; ${cpu.instructionSets.join(", ")}`}>
        {cpu.utilization === null ? "" : `CPU ${Math.round(cpu.utilization)}% of ${counted(cpu.logicalCores, "thread")} · `}memory {gibibytes(used)} of {gibibytes(cpu.memoryBytes)} GiB
      </li>
      {gpus.map((gpu) => (
        <li key={gpu.uuid} title={`${gpu.name}${gpu.usable ? "" : "; this build can't train on it"}`}>
          GPU{gpu.index} {[gpu.utilization === null ? null : `${gpu.utilization}%`, gpu.temperature === null ? null : `${gpu.temperature} °C`, gpu.power === null ? null : `${Math.round(gpu.power)} W`, `${gibibytes(gpu.memoryUsedBytes)} of ${gibibytes(gpu.memoryBytes)} GiB`].filter(Boolean).join(" ")}
        </li>
      ))}
      {gpus.length === 0 && <li className="muted" title={cuda.reason ?? undefined}>no GPU</li>}
    </ul>
  );
}

function NoticeLine() {
  const notice = useNotice();
  const { runs } = useRuns();
  const { showArchived } = useSettings();
  const undo = useRef<HTMLButtonElement>(null);
  const present = listed(runs, showArchived).length;
  // A run that goes takes the control that had the focus with it; the way back is the next one.
  useEffect(() => {
    if (document.activeElement === document.body) undo.current?.focus();
  }, [notice, present]);
  return (
    <div className="notice" role={notice?.level === "error" ? "alert" : "status"} data-level={notice?.level}>
      {notice && <><span title={notice.text}>{notice.text}</span>
        {notice.undoable && <button type="button" className="link" ref={undo} onClick={takeBack}>Undo</button>}
        <button type="button" className="icon-button small" aria-label="Put this message away" onClick={clearNotice}><Icon name="close" /></button></>}
    </div>
  );
}

function HostsFact() {
  const connected = useHosts()?.hosts.filter(({ link }) => link.status === "connected").length ?? 0;
  return connected > 0 ? <span className="muted">{counted(connected, "host")} connected</span> : null;
}

function ConnectionFact() {
  const { state, message, version } = useConnectionStatus();
  return <span className="connection" data-state={state} role="status" title={message ?? (version ? `Version ${version}` : undefined)}>{CONNECTION[state]}</span>;
}
