// The draft outlives a reload and a look at other pages; it goes when its run starts.
import type { Draft } from "../spec/draft.ts";

const KEY = "switchyard.draft";

export function kept(): Draft | null {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Draft) : null;
  } catch {
    return null;
  }
}
export const keep = (draft: Draft): void => sessionStorage.setItem(KEY, JSON.stringify(draft));
export const clearKept = (): void => sessionStorage.removeItem(KEY);
