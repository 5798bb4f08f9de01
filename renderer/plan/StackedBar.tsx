// One horizontal bar of parts that add up, with a legend that says each part's amount.
export interface BarSegment { key: string; name: string; /** Name of a CSS colour. */ colour: string; value: number }

interface BarProps {
  segments: readonly BarSegment[];
  /** What the whole width stands for. */
  scale: number;
  write: (value: number) => string;
  /** A bound to be seen in the bar, and what it is. */
  limit?: { value: number; name: string };
}

/** The bar alone, as tall as its row. What it says stands in text beside it. */
export function StackedBar({ segments, scale, write, limit }: BarProps) {
  return (
    <div className="stacked-bar" aria-hidden="true">
      <div className="stacked-track">
        {segments.filter(({ value }) => value > 0).map(({ key, name, colour, value }) => (
          <span key={key} className="stacked-part" title={`${name}: ${write(value)}`} style={{ width: `${100 * value / scale}%`, background: `var(${colour})` }} />
        ))}
      </div>
      {limit && <span className="stacked-limit" title={`${limit.name}: ${write(limit.value)}`} style={{ left: `${100 * limit.value / scale}%` }} />}
    </div>
  );
}

export const Legend = ({ segments, write, limit }: Pick<BarProps, "segments" | "write" | "limit">) => (
  <ul className="legend plan-legend">{segments.filter(({ value }) => value > 0).map(({ key, name, colour, value }) => (
    <li key={key}><span className="swatch" style={{ "--swatch": `var(${colour})` } as React.CSSProperties} aria-hidden="true" />{name} <b className="number">{write(value)}</b></li>
  ))}{limit && <li><span className="limit-mark" aria-hidden="true" />{limit.name} <b className="number">{write(limit.value)}</b></li>}</ul>
);
