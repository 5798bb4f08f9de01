// From a TPU VM to its hosts: added, shown, and checked, which asks about their keys.
import { useSyncExternalStore } from "react";
import type { TpuPlace } from "../../contract/tpuPlace.ts";
import type { TpuHostOptions } from "../../contract/tpus.ts";
import { client, queryClient } from "../connection/index.ts";
import { checkHost, showHosts } from "../hosts/actions.ts";
import { attempt } from "../state/notice.ts";

let current: string | null = null;
const listeners = new Set<() => void>();
const set = (node: string | null) => {
  current = node;
  for (const listener of listeners) listener();
};
const subscribe = (changed: () => void) => {
  listeners.add(changed);
  return () => void listeners.delete(changed);
};
/** The TPU VM whose hosts are being added. */
export const useAdding = (): string | null => useSyncExternalStore(subscribe, () => current);

/** Adds the hosts of a TPU VM, or brings them up to date. @throws RequestError */
export async function makeHosts(place: TpuPlace, node: string, options: Partial<TpuHostOptions> = {}): Promise<void> {
  set(node);
  try {
    const { name, hosts } = await client.send("tpus.add", { place, node, options });
    showHosts(name);
    hosts.forEach(checkHost);
  } finally {
    set(null);
    void queryClient.invalidateQueries({ queryKey: ["tpus.list"] });
  }
}

export const addHosts = (place: TpuPlace, node: string): void => attempt(() => makeHosts(place, node));
