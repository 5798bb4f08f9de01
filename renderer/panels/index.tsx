// The data panels of a run, in the order of their tabs.
import type { FC } from "react";
import { BalancePanel } from "./balance/BalancePanel.tsx";
import { CapacityPanel } from "./capacity/CapacityPanel.tsx";
import { ViewLinks } from "./environment.tsx";
import { MeshPanel } from "./mesh/MeshPanel.tsx";
import { OverviewPanel } from "./overview/OverviewPanel.tsx";
import type { PanelProps } from "./panelProps.ts";
import { RoutingPanel } from "./routing/RoutingPanel.tsx";

/** Gives a panel what ties its charts together. */
const linked = (Panel: FC<PanelProps>): FC<PanelProps> => function LinkedPanel(props) {
  return <ViewLinks runIds={props.runIds}><Panel {...props} /></ViewLinks>;
};

export const panels: { id: string; title: string; Component: FC<PanelProps> }[] = [
  { id: "overview", title: "Overview", Component: linked(OverviewPanel) },
  { id: "routing", title: "Routing", Component: linked(RoutingPanel) },
  { id: "capacity", title: "Capacity", Component: linked(CapacityPanel) },
  { id: "balance", title: "Balance", Component: linked(BalancePanel) },
  { id: "mesh", title: "Mesh", Component: linked(MeshPanel) },
];
