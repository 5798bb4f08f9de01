// A value of a spec as a person reads it.
import type { Json } from "./draft.ts";
import type { FieldFacts } from "./specFields.ts";

/** "bf16, router in fp32 (selective)", "1.25", "on", "128 tokens". */
export function specValue(value: Json | undefined, facts?: FieldFacts): string {
  if (value === undefined) return "not set";
  if (value === null) return "none";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number") return `${Math.abs(value) >= 1e5 ? value.toLocaleString("en") : String(value)}${facts?.unit ? ` ${facts.unit}` : ""}`;
  if (typeof value === "string") return facts?.choices.find((choice) => choice.value === value)?.label ?? value;
  return JSON.stringify(value);
}
