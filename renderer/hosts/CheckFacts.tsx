// What a check found, a fact a cell. All of it is text from the host.
import type { Host, HostCheck } from "../../contract/hosts.ts";
import { enginesFound } from "../../contract/engineText.ts";
import { counted, quantity, shortNumber } from "../charts/quantity.ts";
import { age } from "../frame/runText.ts";
import { devicesText } from "./hostWords.ts";

interface Fact { title: string; value: string; note?: string; definition?: string }

export function CheckFacts({ check, engine, now, stale }: { check: HostCheck; engine: Host["engine"]; now: number; stale: boolean }) {
  return (
    <section className="check-facts" aria-label="What the host has">
      <dl>{factsOf(check, engine).map(({ title, value, note, definition }) => <div key={title} title={definition}><dt>{title}</dt><dd>{value}{note && <span className="muted">{note}</span>}</dd></div>)}</dl>
      {check.tpuInfo && <details><summary>tpu-info</summary><pre>{check.tpuInfo}</pre></details>}
      <p className="muted number host-note">{stale ? "As it was found" : "Found"} {age(check.at, now)}, in {shortNumber(check.seconds, 2)} s.</p>
    </section>
  );
}

function factsOf(check: HostCheck, engine: Host["engine"]): Fact[] {
  const { jax, python, disk, runs, load, cores, memoryBytes, memoryAvailableBytes } = check;
  const packages = jax ? Object.entries(jax.packages).filter(([name, version]) => version !== null && name !== "jax").map(([name, version]) => `${name} ${version}`).join(", ") : "";
  return [
    jax && jax.devices.length > 0 ? { title: "Devices of JAX", value: devicesText(jax.devices) } : { title: "Accelerators", value: devicesText(check.accelerators) || "none found" },
    { title: "JAX", value: jax ? jax.version : "not installed", ...(packages ? { note: packages } : {}) },
    { title: "Python", value: python ? python.version : "not found", ...(python ? { note: python.path } : {}) },
    { title: "Round trip", value: check.roundTripMilliseconds === null ? "not measured" : `${shortNumber(check.roundTripMilliseconds, 3)} ms`, definition: "Least time of three between a line given to the host’s shell and its answer, over the open connection." },
    { title: "System", value: check.system, note: [check.hostname, check.kernel, check.architecture].filter(Boolean).join(", ") },
    { title: "Processor", value: cores === null ? "unknown" : counted(cores, "core"), ...(load ? { note: `load ${load.map((one) => shortNumber(one, 3)).join(", ")}` } : {}), definition: "Load: processes that ran or waited to run, mean over 1, 5 and 15 minutes." },
    { title: "Memory", value: memoryBytes === null ? "unknown" : quantity(memoryBytes, "bytes"), ...(memoryAvailableBytes === null ? {} : { note: `${quantity(memoryAvailableBytes, "bytes")} free` }) },
    { title: "Disk of the runs", value: disk ? `${quantity(disk.freeBytes, "bytes")} free` : "unknown", ...(disk ? { note: `of ${quantity(disk.totalBytes, "bytes")} at ${disk.path}` } : {}) },
    ...enginesFound(check, engine),
    { title: "Runs found", value: runs ? counted(runs.count, "run") : "unknown", ...(runs ? { note: runs.folder } : {}) },
  ];
}
