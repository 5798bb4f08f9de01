// Which tag or column of another trainer's log a metric is in, where its name does not say so.
import { z } from "zod";

export const ColumnMapping = z.strictObject({
  /** Tag or column by metric. */
  metrics: z.record(z.string().max(128), z.string().max(512)).default({}),
  /** Columns of the step, and of the time in Unix seconds. */
  columns: z.strictObject({ step: z.string().max(512).optional(), time: z.string().max(512).optional() }).default({}),
});
export type ColumnMapping = z.output<typeof ColumnMapping>;

/** "loss=train/loss, step=iteration" as a mapping; nothing is an empty one. @throws Error with a sentence for the person */
export function readMapping(text: string): ColumnMapping {
  const mapping: ColumnMapping = { metrics: {}, columns: {} };
  for (const pair of text.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
    const at = pair.indexOf("="), metric = pair.slice(0, at).trim(), tag = pair.slice(at + 1).trim();
    if (at < 1 || tag === "") throw new Error(`"${pair}" must be METRIC=COLUMN, for example loss=train/loss.`);
    if (metric === "step" || metric === "time") mapping.columns[metric] = tag;
    else if (/^[A-Za-z][A-Za-z0-9._/-]{0,127}$/.test(metric)) mapping.metrics[metric] = tag;
    else throw new Error(`"${metric}" can't be a metric's name; letters, digits and . _ / - can.`);
  }
  return mapping;
}
