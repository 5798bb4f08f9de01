// Probabilities in cividis, and the scale that says so.
import { useMemo } from "react";
import { colourScale, cssColour, type Rgb } from "../charts/colourScale.ts";
import { useChartTheme } from "../charts/theme.ts";

/** Colour of a probability. */
export function useProbabilityColour(): (probability: number) => Rgb {
  const theme = useChartTheme();
  return useMemo(() => {
    const scale = colourScale("probability", theme, 0, 1);
    return (probability) => scale.at(scale.position(probability));
  }, [theme]);
}

export function ProbabilityScale() {
  const colour = useProbabilityColour();
  const stops = Array.from({ length: 9 }, (_, i) => cssColour(colour(i / 8))).join(", ");
  return <span className="probability-scale number">probability of the token <span className="muted">0</span><span className="probability-ramp" style={{ background: `linear-gradient(to right, ${stops})` }} aria-hidden="true" /><span className="muted">1</span></span>;
}
