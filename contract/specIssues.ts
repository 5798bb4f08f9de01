// What a schema found wrong, in sentences a person reads beside the field.
import type { z } from "zod";
import type { SpecIssue } from "./handlers.ts";

/** Mistakes that a schema found, each at its dotted path; an unknown field is reported at its own name. */
export function toIssues(error: z.ZodError, prefix: readonly PropertyKey[] = []): SpecIssue[] {
  return error.issues.flatMap((issue): SpecIssue[] => {
    const path = [...prefix, ...issue.path].map(String);
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => ({ path: [...path, key].join("."), message: "There is no such field." }));
    return [{ path: path.join("."), message: sentence(issue) }];
  });
}

/** A bound as it stands in a sentence: "65,536", "0.9", "1e-8". */
export const bound = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential() : value.toLocaleString("en", { maximumSignificantDigits: 10 });

const KINDS: Record<string, string> = { number: "a number", int: "a whole number", string: "text", boolean: "true or false", array: "a list", object: "an object" };

const oneOf = (values: readonly unknown[]): string => `Must be ${values.length > 1 ? "one of " : ""}${values.map((value) => JSON.stringify(value)).join(", ")}.`;

function sentence(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type": return (issue.expected as string) === "nonoptional" ? "Is missing." : `Must be ${KINDS[issue.expected] ?? issue.expected}.`;
    case "too_small":
      if (issue.origin === "string") return Number(issue.minimum) === 1 ? "Must not be empty." : `Must have at least ${issue.minimum} characters.`;
      if (issue.origin === "array") return Number(issue.minimum) === 1 ? "Name at least one." : `Name at least ${issue.minimum}.`;
      return `Must be ${issue.inclusive === false ? "above" : "at least"} ${bound(Number(issue.minimum))}.`;
    case "too_big":
      if (issue.origin === "string") return `Must have at most ${issue.maximum} characters.`;
      if (issue.origin === "array") return `Name at most ${issue.maximum}.`;
      return `Must be ${issue.inclusive === false ? "below" : "at most"} ${bound(Number(issue.maximum))}.`;
    case "invalid_value": return oneOf(issue.values);
    case "invalid_union": return "options" in issue && Array.isArray(issue.options) ? oneOf(issue.options) : "Has a form that is not known here.";
    case "custom": return issue.message;
    default: return `${issue.message[0]?.toUpperCase() ?? ""}${issue.message.slice(1)}${/[.!?]$/.test(issue.message) ? "" : "."}`;
  }
}
