// A quick answer for the common case: whether a value fits a schema exactly as it stands, so that parsing it would return the same. Made from the schema
// itself, for the kinds of it that events consist of; it takes a fifth of the time of parsing, which storing the events of many runs feels.
import type { z } from "zod";

type Fit = (value: unknown) => boolean;
/** What Zod says of a schema or of one of its checks. */
interface Definition {
  type?: string; check?: string; format?: string; pattern?: RegExp; value?: number; inclusive?: boolean; maximum?: number;
  shape?: Record<string, z.ZodType>; options?: z.ZodType[]; element?: z.ZodType; items?: z.ZodType[]; innerType?: z.ZodType; keyType?: z.ZodType; valueType?: z.ZodType;
  values?: unknown[]; entries?: Record<string, unknown>; checks?: { _zod: { def: Definition } }[]; catchall?: z.ZodType; rest?: unknown; mode?: string;
}
const definitionOf = (schema: unknown): Definition => (schema as { _zod: { def: Definition } })._zod.def;

/** False says nothing: the value may be wrong, or have to be changed, such as by a default. @throws for a schema that this does not know */
export function fitsOf(schema: z.ZodType): Fit {
  const definition = definitionOf(schema), { type, checks = [] } = definition;
  const own = typeFit(definition), all = [...(definition.check ? [checkFit(definition)] : []), ...checks.map((check) => checkFit(definitionOf(check)))];
  if (!own) throw new Error(`There is no quick way to tell whether a value fits a schema of type ${type}.`);
  if (all.length === 0) return own;
  return (value) => own(value) && all.every((fit) => fit(value));
}

function typeFit({ type, shape, options, element, items, innerType, keyType, valueType, values, entries, catchall, rest, mode }: Definition): Fit | null {
  switch (type) {
    case "string": return (value) => typeof value === "string";
    case "number": return (value) => typeof value === "number" && Number.isFinite(value);
    case "boolean": return (value) => typeof value === "boolean";
    case "literal": return (value) => values!.includes(value);
    case "enum": {
      const known = new Set<unknown>(Object.values(entries!));
      return (value) => known.has(value);
    }
    case "union": {
      const fits = options!.map(fitsOf);
      return (value) => fits.some((fit) => fit(value));
    }
    case "nullable": {
      const fit = fitsOf(innerType!);
      return (value) => value === null || fit(value);
    }
    case "default": return fitsOf(innerType!);
    case "array": {
      const fit = fitsOf(element!);
      return (value) => Array.isArray(value) && value.every(fit);
    }
    case "tuple": {
      const fits = items!.map(fitsOf);
      return rest ? null : (value) => Array.isArray(value) && value.length === fits.length && fits.every((fit, i) => fit(value[i]));
    }
    case "object": {
      const fields = Object.entries(shape!).map(([key, field]) => [key, fitsOf(field)] as const);
      return catchall ? null : (value) => isObject(value) && fields.every(([key, fit]) => fit(value[key])) && Object.keys(value).length === fields.length;
    }
    case "record": {
      const keyFit = fitsOf(keyType!), fit = fitsOf(valueType!);
      return mode === "loose" ? null : (value) => isObject(value) && Object.keys(value).every((key) => key !== "__proto__" && keyFit(key) && fit(value[key]));
    }
  }
  return null;
}

function checkFit({ check, format, pattern, value, inclusive, maximum }: Definition): Fit {
  if (check === "number_format" && format === "safeint") return Number.isSafeInteger;
  if (check === "greater_than") return (given) => (inclusive ? (given as number) >= value! : (given as number) > value!);
  if (check === "less_than") return (given) => (inclusive ? (given as number) <= value! : (given as number) < value!);
  if (check === "max_length") return (given) => (given as { length: number }).length <= maximum!;
  if (check === "string_format" && pattern && !pattern.global && !pattern.sticky) return (given) => pattern.test(given as string);
  throw new Error(`There is no quick way to make the check ${check}.`);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
