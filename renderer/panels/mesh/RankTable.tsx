// A row for each rank: its place, where its time went in the newest recorded step, and what it sent in it.
import { placeOf, RANK_TIMES, rankTimeMetric, TRAFFIC, type RankTime } from "../../../contract/meshSpec.ts";
import type { RunSpec } from "../../../contract/runSpec.ts";
import { metricDefinition } from "../../../contract/metrics.ts";
import { Figure, type FigureState } from "../../charts/Figure.tsx";
import { percent, quantity, shortNumber } from "../../charts/quantity.ts";
import { Legend, StackedBar, type BarSegment } from "../../plan/StackedBar.tsx";
import type { RankFigures } from "./liveRanks.ts";

const COLOURS: Record<RankTime, string> = { compute: "--run-9", communication: "--run-4", waiting: "--run-7" };
const milliseconds = (seconds: number): string => `${shortNumber(seconds * 1000, 3)} ms`;
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const segmentsOf = ({ times }: RankFigures): BarSegment[] => RANK_TIMES.map((time) => ({ key: time, name: time, colour: COLOURS[time], value: times[time] ?? 0 }));

export function RankTable({ spec, state, ranks, step }: { spec: RunSpec | null; state: FigureState; ranks: readonly RankFigures[]; step: number | null }) {
  const totals = ranks.map((rank) => sum(segmentsOf(rank).map(({ value }) => value))), longest = Math.max(...totals, 1e-9);
  const waiting = ranks.map(({ times }) => times.waiting ?? 0), sent = ranks.map(({ bytes }) => sum(Object.values(bytes)));
  // What nobody sends, for want of an axis, has no column.
  const kinds = TRAFFIC.filter((kind) => ranks.some(({ bytes }) => bytes[kind] !== 0));
  const most = waiting.indexOf(Math.max(...waiting));
  const summary = ranks.length === 0 || step === null ? ""
    : `At step ${step.toLocaleString("en")} ranks compute for ${percent(sum(ranks.map(({ times }) => times.compute ?? 0)) / Math.max(1e-9, sum(totals)), 2)} of the time; rank ${most} waits longest, ${milliseconds(waiting[most]!)}; all together send ${quantity(sum(sent), "bytes")}.`;
  return (
    <Figure title="Time and traffic by rank" definition="Of the newest step with recorded routing. All ranks stand in the same collectives: the shortest time there is communication, what a rank spends beyond it is waiting."
      summary={summary} state={state} table={() => ({
        columns: [{ name: "rank" }, { name: "data" }, { name: "expert" }, { name: "model" }, ...RANK_TIMES.map((time) => ({ name: time, unit: "s" })), ...TRAFFIC.map((kind) => ({ name: `sent for ${kind}`, unit: "bytes" }))],
        rows: ranks.map(({ times, bytes }, rank) => {
          const place = placeOf(rank, spec!.mesh);
          return [rank, place.data, place.expert, place.model, ...RANK_TIMES.map((time) => times[time] ?? null), ...TRAFFIC.map((kind) => bytes[kind] ?? null)];
        }),
      })}>
      {state.kind === "ready" && spec && (
        <div className="layer-table rank-table" tabIndex={0} role="region" aria-label="Time and traffic by rank">
          <Legend segments={RANK_TIMES.map((time) => ({ key: time, name: time, colour: COLOURS[time], value: sum(ranks.map(({ times }) => times[time] ?? 0)) / Math.max(1, ranks.length) }))} write={milliseconds} />
          <table>
            <thead><tr>
              <th scope="col">rank</th><th scope="col">data, expert, model</th><th scope="col" className="rank-time">step</th>
              {RANK_TIMES.map((time) => <th key={time} scope="col" title={metricDefinition(rankTimeMetric(0, time)).definition}>{time}</th>)}
              {kinds.map((kind) => <th key={kind} scope="col" title={TRAFFIC_TITLES[kind]}>{kind}<span className="visually-hidden"> sent</span></th>)}
            </tr></thead>
            <tbody>{ranks.map((rank, i) => {
              const place = placeOf(i, spec.mesh);
              return (
                <tr key={i}>
                  <th scope="row">{i}</th><td>{place.data}, {place.expert}, {place.model}</td>
                  <td className="rank-time"><StackedBar segments={segmentsOf(rank)} scale={longest} write={milliseconds} /></td>
                  {RANK_TIMES.map((time) => <td key={time}>{rank.times[time] === undefined ? "not recorded" : milliseconds(rank.times[time])}</td>)}
                  {kinds.map((kind) => <td key={kind}>{rank.bytes[kind] === undefined ? "not recorded" : quantity(rank.bytes[kind], "bytes")}</td>)}
                </tr>
              );
            })}</tbody>
          </table>
        </div>
      )}
    </Figure>
  );
}

const TRAFFIC_TITLES: Record<(typeof TRAFFIC)[number], string> = {
  gradients: "Sent to sum gradients over the ranks that hold the same weights.",
  parameters: "Updated weights, where the ranks that hold the same ones each update a share of them.",
  experts: "Tokens sent to the ranks of their experts and back, and their gradients.",
  activations: "Sent to sum partial products along the model axis.",
  routing: "Router logits and counts, so that places and balance are those of the whole batch.",
  control: "Batches, losses, norms, and checkpoints.",
};
