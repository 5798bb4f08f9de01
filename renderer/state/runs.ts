// All runs, as the backend pushes them.
import { useSyncExternalStore } from "react";
import type { Client } from "../../contract/client.ts";
import type { RunSummary } from "../../contract/handlers.ts";

export interface RunsState {
  /** Newest first. */
  runs: readonly RunSummary[];
  /** False until the first push: the list is not known to be empty then. */
  loaded: boolean;
}

const byAge = (a: RunSummary, b: RunSummary): number => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);

export class RunsStore {
  #byId = new Map<string, RunSummary>();
  #state: RunsState = { runs: [], loaded: false };
  readonly #listeners = new Set<() => void>();

  /** Follows the backend's runs for as long as the page is there. */
  connect(client: Pick<Client, "subscribe">): void {
    client.subscribe("runs", {}, ({ changed, removed }) => this.apply(changed, removed));
  }

  apply(changed: readonly RunSummary[], removed: readonly string[]): void {
    for (const run of changed) this.#byId.set(run.id, run);
    for (const id of removed) this.#byId.delete(id);
    this.#state = { runs: [...this.#byId.values()].toSorted(byAge), loaded: true };
    for (const listener of this.#listeners) listener();
  }

  get = (id: string): RunSummary | undefined => this.#byId.get(id);
  readonly snapshot = (): RunsState => this.#state;
  readonly subscribe = (changed: () => void): (() => void) => {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  };
}

export const runsStore = new RunsStore();
export const useRuns = (): RunsState => useSyncExternalStore(runsStore.subscribe, runsStore.snapshot);

/** A run that may still change by itself; one that is unreachable may go on where it is. */
export const isGoing = ({ status }: Pick<RunSummary, "status">): boolean => ["starting", "preparing", "running", "stopping", "unreachable"].includes(status);

/** Those that are there to be listed: neither deleted nor, unless they are wanted, archived. */
export const listed = (runs: readonly RunSummary[], showArchived: boolean): RunSummary[] =>
  runs.filter((run) => run.deletedAt === null && (showArchived || !run.archived));

/** Those that match all words, in name, tags, status or id. */
export function matching(runs: readonly RunSummary[], filter: string): RunSummary[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter((run) => {
    const text = `${run.name} ${run.tags.join(" ")} ${run.status} ${run.id}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
