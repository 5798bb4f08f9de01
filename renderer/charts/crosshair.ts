// What follows the pointer above a line chart: the crosshair at the shared step, a dot on each line, the mark of the step
// that everything is scrubbed to, and the frame of a zoom being dragged. A canvas of its own, so lines aren't drawn again.
import type { Chart } from "chart.js";
import { xColumn } from "./bucketSeries.ts";
import { leadLine, valueAt, type Line } from "./lineData.ts";
import type { ChartLinks } from "./links.ts";
import type { ChartTheme } from "./theme.ts";

interface Latest { lines: readonly Line[]; links: ChartLinks; theme: ChartTheme }

export class CrosshairLayer {
  /** CSS pixels, while dragging. */
  selection: { from: number; to: number } | null = null;
  private readonly chart: Chart;
  private readonly canvas: HTMLCanvasElement;
  private readonly latest: () => Latest;

  constructor(chart: Chart, canvas: HTMLCanvasElement, latest: () => Latest) {
    this.chart = chart;
    this.canvas = canvas;
    this.latest = latest;
  }

  /** CSS pixels from the left where a step lies; null when it is not in the chart. */
  pixelOfStep(step: number): number | null {
    const { lines, links } = this.latest();
    const scale = this.chart.scales.x;
    if (!scale) return null;
    let x = step;
    if (links.axis !== "step") {
      const lead = leadLine(lines);
      const at = lead && valueAt(lead, step);
      if (!lead || !at) return null;
      x = xColumn(lead.source.columns, links.axis)[at.index]!;
    }
    const pixel = scale.getPixelForValue(x);
    const { left, right } = this.chart.chartArea ?? { left: 0, right: 0 };
    return pixel >= left - 1 && pixel <= right + 1 ? pixel : null;
  }

  draw(): void {
    const { chart, canvas } = this;
    const { lines, links, theme } = this.latest();
    const { width, height, chartArea: area } = chart;
    if (!area) return;
    const ratio = chart.currentDevicePixelRatio;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
    }
    const ctx = canvas.getContext("2d")!;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    const vertical = (step: number, dash: number[], colour: string): number | null => {
      const pixel = this.pixelOfStep(step);
      if (pixel === null) return null;
      const x = Math.round(pixel * ratio) / ratio;
      ctx.strokeStyle = colour;
      ctx.lineWidth = 1;
      ctx.setLineDash(dash);
      ctx.beginPath();
      ctx.moveTo(x, area.top);
      ctx.lineTo(x, area.bottom);
      ctx.stroke();
      ctx.setLineDash([]);
      return x;
    };
    if (links.step !== null) {
      const x = vertical(links.step, [3, 3], theme.accent);
      if (x !== null) {
        ctx.fillStyle = theme.accent;
        ctx.beginPath();
        ctx.moveTo(x - 4, area.top);
        ctx.lineTo(x + 4, area.top);
        ctx.lineTo(x, area.top + 5);
        ctx.fill();
      }
    }
    const step = links.hover.get();
    if (step !== null) {
      const x = vertical(step, [], theme.mutedText);
      const y = chart.scales.y;
      if (x !== null && y) for (const line of lines) {
        const at = valueAt(line, step);
        if (!at || !Number.isFinite(at.last)) continue;
        const px = chart.scales.x!.getPixelForValue(xColumn(line.source.columns, links.axis)[at.index]!);
        const py = y.getPixelForValue(at.last);
        if (!(px >= area.left - 1 && px <= area.right + 1 && py >= area.top - 1 && py <= area.bottom + 1)) continue;
        ctx.beginPath();
        ctx.arc(px, py, 3, 0, 2 * Math.PI);
        ctx.fillStyle = line.colour;
        ctx.fill();
        ctx.strokeStyle = theme.background;
        ctx.stroke();
      }
    }
    if (this.selection) {
      const left = Math.max(area.left, Math.min(this.selection.from, this.selection.to));
      const right = Math.min(area.right, Math.max(this.selection.from, this.selection.to));
      ctx.globalAlpha = 0.14;
      ctx.fillStyle = theme.accent;
      ctx.fillRect(left, area.top, Math.max(0, right - left), area.bottom - area.top);
      ctx.globalAlpha = 1;
    }
  }
}
