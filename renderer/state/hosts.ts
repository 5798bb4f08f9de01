// All hosts, clusters, open questions and forwarded ports, as the backend pushes them.
import { useSyncExternalStore } from "react";
import type { Client } from "../../contract/client.ts";
import type { HostsState } from "../../contract/hosts.ts";

let current: HostsState | null = null;
const listeners = new Set<() => void>();

/** Follows the backend's hosts for as long as the page is there. */
export function connectHosts(client: Pick<Client, "subscribe">): void {
  client.subscribe("hosts", {}, (state) => {
    current = state;
    for (const listener of listeners) listener();
  });
}

const subscribe = (changed: () => void) => {
  listeners.add(changed);
  return () => void listeners.delete(changed);
};
/** Null until the first push. */
export const useHosts = (): HostsState | null => useSyncExternalStore(subscribe, () => current);
