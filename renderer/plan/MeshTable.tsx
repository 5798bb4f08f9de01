// Every mesh of so many devices, the best first, each with its time as a bar; one of them is looked at closely.
import { meshName, type Mesh } from "../../planner/mesh.ts";
import type { Plan } from "../../planner/plan.ts";
import { quantity, shortNumber } from "../charts/quantity.ts";
import { changeChoice } from "./Controls.tsx";
import { stepTime, timeSegments } from "./parts.ts";
import { StackedBar } from "./StackedBar.tsx";

/** Bars of meshes that are slower than this many times the best run out of their column, so that the others can be told apart. */
const WIDEST = 6;

export const sentBy = ({ time }: Plan): number => time.collectives.reduce((sum, { sent }) => sum + sent, 0);
export const sameMesh = (a: Mesh, b: Mesh): boolean => a.data === b.data && a.expert === b.expert && a.model === b.model;

export function MeshTable({ plans, chosen, example }: { plans: readonly Plan[]; chosen: Plan; /** What a batch is made of. */ example: string }) {
  const times = plans.map(({ time }) => time.total), scale = Math.min(Math.max(...times), WIDEST * Math.min(...times));
  return (
    <table className="plan-table mesh-table number">
      <caption className="visually-hidden">Meshes, those that fit first, the fastest first; choose one to see its memory and time</caption>
      <thead><tr>
        <th scope="col" title="Devices of each axis. Rows of the batch are split over data × expert, experts over expert, attention heads and feed-forward columns over model.">Data × expert × model</th>
        <th scope="col" className="figure-column">Step</th><th scope="col" className="bar-column"><span className="visually-hidden">Terms of the step</span></th>
        <th scope="col" className="figure-column">{example[0]!.toUpperCase()}{example.slice(1)}s/s</th><th scope="col" className="figure-column" title="Of one device">Memory</th><th scope="col" className="figure-column" title="By one device in a step, all collectives together">Sent</th><th scope="col">Fits</th>
      </tr></thead>
      <tbody>{plans.map((plan, rank) => (
        <tr key={meshName(plan.mesh)} data-chosen={plan === chosen} data-fits={plan.fits} onClick={() => changeChoice({ mesh: rank === 0 ? null : plan.mesh })}>
          <th scope="row"><label><input type="radio" name="mesh" checked={plan === chosen} onChange={() => changeChoice({ mesh: rank === 0 ? null : plan.mesh })} />{meshName(plan.mesh)}{rank === 0 && plan.fits && <span className="best-mark">best</span>}</label></th>
          <td className="figure-column">{stepTime(plan.time.total)}</td><td className="bar-column"><StackedBar segments={timeSegments(plan.time)} scale={scale} write={stepTime} /></td>
          <td className="figure-column">{shortNumber(plan.sequencesPerSecond)}</td><td className="figure-column">{quantity(plan.memory.total, "bytes")}</td>
          <td className="figure-column">{sentBy(plan) > 0 ? quantity(sentBy(plan), "bytes") : "nothing"}</td><td>{plan.fits ? "✓ fits" : "too large"}</td>
        </tr>
      ))}</tbody>
    </table>
  );
}
