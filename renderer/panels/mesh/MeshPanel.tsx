// Which rank holds which slice of weights and data, and what each of them spends its time on.
import { useMemo } from "react";
import { MeshSpec, ranksOf } from "../../../contract/meshSpec.ts";
import { importedFrom, type RunSpec } from "../../../contract/runSpec.ts";
import type { FigureState } from "../../charts/Figure.tsx";
import { MetricChart } from "../MetricChart.tsx";
import { PanelGrid, type PanelItem } from "../PanelGrid.tsx";
import { RoutingBar, usePickedRun } from "../RoutingBar.tsx";
import type { PanelProps } from "../panelProps.ts";
import { useLiveRun, useObservable, useRouting } from "../useLive.ts";
import { RankTable } from "./RankTable.tsx";
import { SliceGrids } from "./SliceGrids.tsx";
import "./mesh.css";

export function MeshPanel({ runIds, primary }: PanelProps) {
  const picked = usePickedRun(runIds, primary), run = useLiveRun(picked), ranks = run.ranks(), view = useRouting(picked);
  useObservable(ranks);
  const written = run.detail?.spec ?? null, recorded = MeshSpec.safeParse(ranks.mesh);
  // A resume may have gone on on another mesh.
  const spec: RunSpec | null = written && ranks.mesh.data !== undefined && recorded.success ? { ...written, mesh: recorded.data } : written, alone = spec !== null && ranksOf(spec.mesh) === 1;
  const state: FigureState = run.status === "error" ? { kind: "error", message: run.message!, retry: run.retry }
    : spec === null ? { kind: "loading" }
    : importedFrom(spec) ? { kind: "absent", message: "This run’s log, imported from another trainer, says nothing of its mesh." }
    : alone ? { kind: "absent", message: "This run trains in one process: nothing is split, and nothing is sent." } : { kind: "ready" };
  const times: FigureState = state.kind !== "ready" ? state
    : ranks.status === "error" ? { kind: "error", message: ranks.message!, retry: run.retry }
    : ranks.status === "loading" ? { kind: "loading" }
    : ranks.status === "absent" ? { kind: "empty", message: "The first record comes with the first one of routing." } : state;
  const nothing = state.kind === "absent";
  const items = useMemo((): PanelItem[] => {
    const slices: PanelItem = { id: "slices", columns: 12, content: <SliceGrids spec={spec} state={state} /> };
    return nothing ? [slices] : [
      slices,
      { id: "ranks", columns: 12, content: <RankTable spec={spec} state={times} ranks={ranks.ranks} step={ranks.step} /> },
      ...["mesh.computeShare", "mesh.waitingShare", "mesh.bytes"].map((name): PanelItem => ({ id: name, columns: 4, content: <MetricChart runIds={runIds} names={[name]} height={180} /> })),
    ];
  // Figures of ranks change with the store's version.
  // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [spec, state.kind, times.kind, ranks.version, runIds]);
  return <PanelGrid panel="mesh" axes={!nothing} bar={nothing && runIds.length === 1 ? undefined : <RoutingBar runIds={runIds} picked={picked} view={view} layers={false} />} items={items} />;
}
