// Twenty runs in eight charts ask for hundreds of series at once. The backend answers a few at a time and refuses floods, so
// they wait here, first come first served.
import type { Backend } from "./liveStore.ts";

/** Requests on their way at once: enough to keep the backend's reader threads busy, far below what it refuses. */
export const REQUESTS_AT_ONCE = 8;

/** The same backend, with at most `limit` requests on their way. */
export function queued(backend: Backend, limit = REQUESTS_AT_ONCE): Backend {
  const waiting: (() => void)[] = [];
  let going = 0;
  const next = (): void => {
    if (going >= limit) return;
    const start = waiting.shift();
    if (!start) return;
    going++;
    start();
  };
  return {
    subscribe: backend.subscribe.bind(backend),
    onConnection: backend.onConnection.bind(backend),
    send: ((name, args) => new Promise((resolve, reject) => {
      waiting.push(() => {
        backend.send(name, args).then(resolve, reject).finally(() => {
          going--;
          next();
        });
      });
      next();
    })) as Backend["send"],
  };
}
