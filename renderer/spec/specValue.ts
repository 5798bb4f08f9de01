// A value of a spec as a person reads it.
import type { Json } from "./draft.ts";
import type { FieldFacts } from "./specFields.ts";

/** A unit that can be counted in; the field's symbol, such as d_model, is none. */
const countable = (value: number, unit: string): string => (unit === "" || unit.includes("_") ? "" : ` ${value === 1 && /^[a-z]+s$/.test(unit) ? unit.slice(0, -1) : unit}`);

/** "bf16, router in fp32 (selective)", "1.25", "on", "128 tokens". */
export function specValue(value: Json | undefined, facts?: FieldFacts): string {
  if (value === undefined) return "not set";
  if (value === null) return facts?.off ?? "none";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number") return `${Math.abs(value) >= 1000 ? value.toLocaleString("en") : String(value)}${countable(value, facts?.unit ?? "")}`;
  if (typeof value === "string") return facts?.choices.find((choice) => choice.value === value)?.label ?? value;
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map((one) => specValue(one, facts)).join(", ");
  return JSON.stringify(value);
}
