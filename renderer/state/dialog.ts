// Which dialog is open; at most one.
import { useSyncExternalStore } from "react";
import type { TpuPlace } from "../../contract/tpuPlace.ts";
import type { Tpu } from "../../contract/tpus.ts";

export type Dialog = { kind: "palette" | "keys" | "import" } | { kind: "rename" | "tags" | "note" | "colour" | "steps"; runId: string } | { kind: "continue"; runId: string; step: number } | { kind: "delete-model"; modelId: string } | { kind: "delete-tpu"; tpu: Tpu; place: TpuPlace };

let current: Dialog | null = null;
const listeners = new Set<() => void>();

export function openDialog(dialog: Dialog | null): void {
  current = dialog;
  for (const listener of listeners) listener();
}
const subscribe = (changed: () => void) => {
  listeners.add(changed);
  return () => void listeners.delete(changed);
};
export const useDialog = (): Dialog | null => useSyncExternalStore(subscribe, () => current);
