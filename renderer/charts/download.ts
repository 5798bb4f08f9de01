// Saves a chart: as a picture that stands by itself (title, legend and background), or as the numbers it shows.
import type { Chart } from "chart.js";
import type { ChartTheme } from "./theme.ts";

export interface LegendEntry { name: string; colour: string; dash?: readonly number[]; dots?: boolean }
export interface Picture {
  title: string;
  summary: string;
  legend: readonly LegendEntry[];
  /** Drawn side by side: the chart, and the scale beside it where there is one. */
  canvases: readonly PicturePart[];
}
export interface PicturePart {
  canvas: HTMLCanvasElement;
  /** CSS pixels. */
  width: number;
  height: number;
}

/** Device pixels a CSS pixel in a saved picture, whatever the screen has. */
export const PICTURE_RATIO = 2;

/** A copy of a chart, drawn again for the picture so that it is as fine as its text. */
export function chartPicture(chart: Chart): PicturePart {
  const { width, height } = chart;
  const before = chart.options.devicePixelRatio;
  chart.options.devicePixelRatio = PICTURE_RATIO;
  chart.resize(width, height);
  chart.draw();
  const canvas = document.createElement("canvas");
  canvas.width = chart.canvas.width;
  canvas.height = chart.canvas.height;
  canvas.getContext("2d")!.drawImage(chart.canvas, 0, 0);
  chart.options.devicePixelRatio = before;
  chart.resize(width, height);
  chart.draw();
  return { canvas, width, height };
}

/** A file name of letters, digits and dashes, from whatever a run is called. */
export const fileName = (title: string, extension: string): string =>
  `${title.normalize("NFKD").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 80) || "chart"}.${extension}`;

export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the data once the click's task is over; a second leaves room for a slow one.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

export const saveCsv = (text: string, title: string): void => saveBlob(new Blob([text], { type: "text/csv;charset=utf-8" }), fileName(title, "csv"));

/** Lines of at most `width` pixels; a word longer than that stands alone. */
export function wrapped(text: string, width: number, measure: (text: string) => number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    const longer = line ? `${line} ${word}` : word;
    if (line && measure(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  if (line) lines.push(line);
  return lines;
}

/** The picture on one canvas, two device pixels to a CSS pixel. */
export function composePicture(picture: Picture, theme: ChartTheme): HTMLCanvasElement {
  const ratio = PICTURE_RATIO;
  const pad = 16;
  const gap = 16;
  const sizes = picture.canvases;
  const width = Math.max(320, sizes.reduce((total, size) => total + size.width + gap, -gap)) + 2 * pad;
  const canvas = document.createElement("canvas");
  const ctx = canvas.getContext("2d")!;
  const small = `12px ${theme.font}`;
  ctx.font = small;
  const summary = wrapped(picture.summary, width - 2 * pad, (text) => ctx.measureText(text).width);
  const legendRows: LegendEntry[][] = [];
  let rowWidth = Infinity;
  for (const entry of picture.legend) {
    const entryWidth = 28 + ctx.measureText(entry.name).width + 16;
    if (rowWidth + entryWidth > width - 2 * pad) {
      legendRows.push([]);
      rowWidth = 0;
    }
    legendRows.at(-1)!.push(entry);
    rowWidth += entryWidth;
  }
  const top = pad + 22 + summary.length * 16 + 8;
  const plotHeight = Math.max(...sizes.map((size) => size.height));
  const height = top + plotHeight + (legendRows.length ? 8 + legendRows.length * 18 : 0) + pad;
  canvas.width = Math.ceil(width * ratio);
  canvas.height = Math.ceil(height * ratio);
  ctx.scale(ratio, ratio);
  ctx.fillStyle = theme.background;
  ctx.fillRect(0, 0, width, height);
  ctx.textBaseline = "top";
  ctx.fillStyle = theme.text;
  ctx.font = `600 15px ${theme.font}`;
  ctx.fillText(picture.title, pad, pad);
  ctx.font = small;
  ctx.fillStyle = theme.mutedText;
  summary.forEach((line, i) => ctx.fillText(line, pad, pad + 22 + i * 16));
  let x = pad;
  sizes.forEach(({ canvas: source, width: w, height: h }) => {
    if (source.width > 0 && source.height > 0) ctx.drawImage(source, x, top, w, h);
    x += w + gap;
  });
  let y = top + plotHeight + 8;
  for (const row of legendRows) {
    x = pad;
    for (const { name, colour, dash, dots } of row) {
      ctx.strokeStyle = ctx.fillStyle = colour;
      ctx.lineWidth = dots ? 1 : 2;
      ctx.setLineDash((dash ?? []) as number[]);
      ctx.beginPath();
      ctx.moveTo(x, y + 7);
      ctx.lineTo(x + 22, y + 7);
      ctx.stroke();
      if (dots) {
        ctx.beginPath();
        ctx.arc(x + 11, y + 7, 3, 0, 2 * Math.PI);
        ctx.fill();
      }
      ctx.fillStyle = theme.text;
      ctx.fillText(name, x + 28, y);
      x += 28 + ctx.measureText(name).width + 16;
    }
    y += 18;
  }
  return canvas;
}

export function savePng(picture: Picture, theme: ChartTheme): void {
  composePicture(picture, theme).toBlob((blob) => {
    if (blob) saveBlob(blob, fileName(picture.title, "png"));
  }, "image/png");
}
