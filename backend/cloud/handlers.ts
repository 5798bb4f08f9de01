// The requests about Cloud TPUs.
import type { Handlers } from "../../contract/handlers.ts";
import type { tpuRequests } from "../../contract/tpus.ts";
import type { Tpus } from "./tpus.ts";

const OK = { ok: true } as const;

export function createTpuHandlers(tpus: Tpus): Pick<Handlers, keyof typeof tpuRequests> {
  return {
    "tpus.defaults": () => tpus.defaults(),
    "tpus.list": (place) => tpus.list(place),
    "tpus.create": async ({ place, ask }) => {
      await tpus.create(place, ask);
      return OK;
    },
    "tpus.add": ({ place, node, options }) => tpus.add(place, node, options),
    "tpus.delete": async ({ place, kind, name }) => {
      await tpus.delete(place, kind, name);
      return OK;
    },
    "tpus.cancel": () => {
      tpus.cancel();
      return OK;
    },
  };
}
