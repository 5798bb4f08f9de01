// The page's one connection to the backend, and how components ask it.
import { QueryClient, useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { Client, RequestError, type ClientSocket, type Connection } from "../../contract/client.ts";
import type { Arguments, RequestName, Result, RunRows } from "../../contract/handlers.ts";
import { takeToken } from "./token.ts";

export const client = new Client({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`,
  token: takeToken(location, history, localStorage),
  openSocket: (url) => new WebSocket(url) as ClientSocket,
});

/** What the queries below keep. A lost connection is tried again by the client itself. */
export const queryClient = new QueryClient({
  defaultOptions: { queries: { retry: false, refetchOnWindowFocus: false, networkMode: "always", staleTime: 5_000 } },
});
client.onConnection(({ state }) => {
  if (state === "connected") void queryClient.invalidateQueries();
});

const subscribe = (changed: () => void) => client.onConnection(changed);
/** State of the connection; the component is drawn again when it changes. */
export const useConnectionStatus = (): Connection => useSyncExternalStore(subscribe, () => client.connection);

export interface RequestOptions<K extends RequestName> {
  /** False asks nothing yet. */
  enabled?: boolean;
  /** Milliseconds after which the answer is asked for again, by the last one where it is a function; false leaves it. */
  every?: number | ((answer: Result<K> | undefined) => number | false);
}

/** Asks the backend and keeps the answer; asked again after a reconnect. */
export function useRequest<K extends RequestName>(name: K, args: Arguments<K>, { enabled, every }: RequestOptions<K> = {}): UseQueryResult<Result<K>, RequestError> {
  return useQuery<Result<K>, RequestError>({
    queryKey: [name, args],
    queryFn: async () => {
      await client.connected();
      return client.send(name, args);
    },
    ...(enabled === undefined ? {} : { enabled }),
    ...(every === undefined ? {} : { refetchInterval: typeof every === "function" ? ({ state }) => every(state.data) : every }),
  });
}

/** Asks again whatever was asked of `name`. */
export function useRefresh(): (name: RequestName) => void {
  const queries = useQueryClient();
  return (name) => void queries.invalidateQueries({ queryKey: [name] });
}

/** The sentence of any failure. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Calls `changed` while the component is shown whenever the run has new rows after the cursor. */
export function useRunChanges(runId: string, cursor: number | undefined, changed: (rows: RunRows) => void): void {
  useEffect(() => {
    if (cursor === undefined) return;
    return client.subscribe("run", { runId, after: cursor }, changed);
    // `changed` is a new function with every drawing; the subscription is not.
  }, [runId, cursor]);
}
