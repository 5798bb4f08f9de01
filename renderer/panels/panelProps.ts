// What every data panel of a run is given.
export interface PanelProps {
  /** Runs overlaid in the line charts, in the order of the list. */
  runIds: string[];
  /** The run whose routing the heatmaps show unless another is picked. */
  primary: string;
}
