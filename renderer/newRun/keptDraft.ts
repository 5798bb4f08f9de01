// A draft outlives a reload and a look at other pages; it goes when its run starts. One is kept for a new run, and one for each
// run that is duplicated and each model that another is derived from.
import type { Draft } from "../spec/draft.ts";

const keyOf = (source: string | null): string => (source === null ? "switchyard.draft" : `switchyard.draft.${source}`);

/** @param source key of what the form began from, null for a new run */
export function kept(source: string | null): Draft | null {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(keyOf(source)) ?? "null");
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Draft) : null;
  } catch {
    return null;
  }
}
export const keep = (source: string | null, draft: Draft): void => sessionStorage.setItem(keyOf(source), JSON.stringify(draft));
export const clearKept = (source: string | null): void => sessionStorage.removeItem(keyOf(source));
