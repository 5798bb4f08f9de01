// A run's colour, and its dash where the ten colours are used up.
import { dashOf } from "../panels/environment.tsx";

export function Swatch({ colour }: { colour: number }) {
  const dash = dashOf(colour);
  return <svg className="run-swatch" width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
    {dash.length === 0 ? <rect x="2" y="2" width="10" height="10" rx="2" fill={`var(--run-${colour % 10})`} /> : <path d="M1 7h12" stroke={`var(--run-${colour % 10})`} strokeWidth="4" strokeDasharray={dash.map((length) => length / 2).join(" ")} />}
  </svg>;
}
