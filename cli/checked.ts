// Options of a command as the fields of something that the contract describes.
import { toIssues } from "../contract/specIssues.ts";
import { UsageError } from "./commandLine.ts";

/** The field, or nothing where the option was not given. */
export const given = <T>(key: string, value: T | undefined): Record<string, T> => (value === undefined ? {} : { [key]: value });

/** @throws UsageError with the first thing that is wrong */
export function checked<T>(schema: { safeParse(value: unknown): { success: true; data: T } | { success: false; error: Parameters<typeof toIssues>[0] } }, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(toIssues(parsed.error)[0]!.message);
}
