// Plan: what a model would need on other devices, and how it is best spread over them. Computed here as the questions change.
import { useMemo } from "react";
import { consequences } from "../../contract/consequences.ts";
import type { Facts } from "../../contract/modelCounts.ts";
import { exampleOf } from "../../contract/modelSpec.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import { COLLECTIVES } from "../../planner/collectives.ts";
import type { Device } from "../../planner/devices.ts";
import { meshName } from "../../planner/mesh.ts";
import { ASSUMPTIONS, plans as plansOf, type Plan } from "../../planner/plan.ts";
import { Figure } from "../charts/Figure.tsx";
import { counted, percent, quantity, shortNumber } from "../charts/quantity.ts";
import { setView, useView } from "../state/view.ts";
import { changedSpec, deviceOf, type PlanChoice } from "./choice.ts";
import { Controls } from "./Controls.tsx";
import { MeshTable, sameMesh } from "./MeshTable.tsx";
import { COLLECTIVE_NAMES, collectiveColour, memorySegments, runTime, stepTime, timeSegments } from "./parts.ts";
import { Legend, StackedBar } from "./StackedBar.tsx";
import { useSubject } from "./subject.ts";
import "./plan.css";

export function PlanPage() {
  const { plan: choice } = useView(), subject = useSubject(choice.subject);
  return (
    <div className="plan">
      <header className="compare-head">
        <h1>Plan</h1>
        <span className="muted">An estimate on paper: nothing is started.</span>
        <span className="compare-buttons"><button type="button" className="button" onClick={() => setView({ page: "runs" })}>Back to the runs</button></span>
      </header>
      <div className="plan-body">
        <Controls choice={choice} spec={subject.kind === "ready" ? subject.spec : null} />
        <div className="plan-answer">
          {subject.kind === "ready" ? <Answer choice={choice} spec={subject.spec} facts={subject.facts} />
          : subject.kind === "loading" ? <p className="plan-state muted" role="status">Reading the run’s spec…</p>
          : <div className="plan-state" role="alert"><h2>This run can’t be planned for</h2><p>{subject.message}</p></div>}
        </div>
      </div>
    </div>
  );
}

function Answer({ choice, spec: own, facts }: { choice: PlanChoice; spec: RunSpec; facts: Facts }) {
  const spec = useMemo(() => changedSpec(own, choice), [own, choice.batch, choice.group]);
  const device = useMemo(() => deviceOf(choice), [choice.device, choice.own]);
  const plans = useMemo(() => plansOf(spec, facts, device, choice.devices, { ...ASSUMPTIONS, matrixEfficiency: choice.efficiency / 100 }), [spec, facts, device, choice.devices, choice.efficiency]);
  const chosen = (choice.mesh && plans.find(({ mesh }) => sameMesh(mesh, choice.mesh!))) ?? plans[0];
  if (!chosen) return <NoMesh spec={spec} devices={choice.devices} />;
  return (
    <>
      <Headline plan={chosen} best={chosen === plans[0]} device={device} devices={choice.devices} example={exampleOf(spec.model)} />
      <PlanFacts spec={spec} facts={facts} plan={chosen} />
      <MemoryFigure plan={chosen} device={device} />
      <TimeFigure plan={chosen} />
      <CollectiveTable plan={chosen} />
      <section className="plan-section"><h2>{plans.length === 1 ? "1 mesh" : `${plans.length} meshes`} of {counted(choice.devices, "device")}</h2><div className="plan-scroll"><MeshTable plans={plans} chosen={chosen} example={exampleOf(spec.model)} /></div></section>
    </>
  );
}

const NoMesh = ({ spec, devices }: { spec: RunSpec; devices: number }) => (
  <div className="plan-state" role="status">
    <h2>No mesh of {counted(devices, "device")} divides this model</h2>
    <p>The batch of {counted(spec.training.batchSize, exampleOf(spec.model))} is split over data × expert{spec.model.sparse ? `, the ${spec.model.sparse.experts} experts over expert` : ""}, the {counted(spec.model.heads, "head")} and {spec.model.dFf.toLocaleString("en")} feed-forward
      columns over model, each evenly. Change the batch size or the number of devices.</p>
  </div>
);

function Headline({ plan, best, device, devices, example }: { plan: Plan; best: boolean; device: Device; devices: number; example: string }) {
  const lead = !plan.fits ? (best ? "No mesh fits; least memory takes" : "Does not fit:") : best ? "Best mesh" : "Mesh";
  return (
    <p className="plan-headline number" role="status" data-fits={plan.fits}>
      {lead} <b>{meshName(plan.mesh)}</b> of {devices} × {device.name}: <b>{stepTime(plan.time.total)}</b> a step, <b>{shortNumber(plan.sequencesPerSecond)}</b> {example}s/s
    </p>
  );
}

function PlanFacts({ spec, facts, plan }: { spec: RunSpec; facts: Facts; plan: Plan }) {
  const { parameters, flopsPerSequence } = useMemo(() => consequences(spec, facts), [spec, facts]);
  const rows: [title: string, value: string, note: string, definition: string][] = [
    ["Parameters", shortNumber(parameters.total, 4), `${percent(parameters.experts / parameters.total)} in experts`, parameters.total.toLocaleString("en")],
    [`FLOPs ${exampleOf(spec.model) === "image" ? "an image" : "a sequence"}`, shortNumber(flopsPerSequence.training, 4), "in training", "Forward and backward. Multiply-adds count as 2; the backward pass makes two products for each of the forward’s."],
    ["Utilisation", percent(plan.utilisation), "of peak FLOPs", "FLOPs of the model, without padding, over what the peaks of all devices allow in the step’s time (MFU, 2204.02311)."],
    ["Whole run", runTime(plan.time.total * spec.training.steps), counted(spec.training.steps, "step"), "Steps of the spec at this speed; evaluation and checkpoints are not counted."],
  ];
  return <dl className="plan-facts number">{rows.map(([title, value, note, definition]) => <div key={title} title={definition}><dt>{title}</dt><dd>{value}<span className="muted">{note}</span></dd></div>)}</dl>;
}

const bytes = (value: number): string => quantity(value, "bytes");

function MemoryFigure({ plan, device }: { plan: Plan; device: Device }) {
  const usable = device.memory * ASSUMPTIONS.usableMemory, limit = { value: usable, name: "usable" }, segments = memorySegments(plan.memory);
  return (
    <Figure title="Memory of a device" state={{ kind: "ready" }} definition="Parameters, gradients and optimizer state in fp32, activations kept for the backward pass, and the buffers of experts with what the all-to-all has in flight."
      summary={`${bytes(plan.memory.total)} of the ${bytes(usable)} that a step can use: ${plan.fits ? "it fits" : `${bytes(plan.memory.total - usable)} too much`}.`}
      table={() => ({ columns: [{ name: "kind" }, { name: "memory", unit: "bytes" }], rows: [...segments.map(({ name, value }) => [name, value]), ["all", plan.memory.total]] })}>
      <StackedBar segments={segments} scale={Math.max(plan.memory.total, device.memory)} write={bytes} limit={limit} />
      <Legend segments={segments} write={bytes} limit={limit} />
    </Figure>
  );
}

function TimeFigure({ plan: { time } }: { plan: Plan }) {
  const segments = timeSegments(time), bound = time.compute >= time.traffic;
  return (
    <Figure title="Time of a step" state={{ kind: "ready" }} definition="A roofline: matrix products or the memory traffic of the passes, whichever takes longer, then the optimizer and every collective, nothing overlapped."
      summary={`${stepTime(time.total)}; ${bound ? `the traffic of weights and activations, ${stepTime(time.traffic)}, is hidden by the products` : `products, ${stepTime(time.compute)}, wait for the traffic of weights and activations`}.`}
      table={() => ({ columns: [{ name: "term" }, { name: "time", unit: "s" }], rows: [...segments.map(({ name, value }) => [name, value]), ["step", time.total]] })}>
      <StackedBar segments={segments} scale={time.total} write={stepTime} />
      <Legend segments={segments} write={stepTime} />
    </Figure>
  );
}

function CollectiveTable({ plan }: { plan: Plan }) {
  return (
    <section className="plan-section">
      <h2>Bytes that a device sends in a step</h2>
      {plan.time.collectives.length === 0 ? <p className="muted">Nothing: there is one device.</p> : (
        <div className="plan-scroll"><table className="plan-table number">
          <thead><tr><th scope="col">Collective</th><th scope="col" className="figure-column">Among</th><th scope="col" className="figure-column">Sent</th><th scope="col" className="figure-column">Time</th><th scope="col">What</th></tr></thead>
          <tbody>{plan.time.collectives.map((collective) => (
            <tr key={collective.id}>
              <th scope="row"><span className="swatch" style={{ "--swatch": `var(${collectiveColour(collective)})` } as React.CSSProperties} aria-hidden="true" /> {COLLECTIVE_NAMES[collective.id]}</th>
              <td className="figure-column">{counted(collective.ranks, "device")}</td><td className="figure-column">{bytes(collective.sent)}</td><td className="figure-column">{stepTime(collective.seconds)}</td><td className="muted">{COLLECTIVES[collective.id].about}</td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
    </section>
  );
}
