// What can be done to a host, from its page and from the palette.
import type { TpuPlace } from "../../contract/tpuPlace.ts";
import { client } from "../connection/index.ts";
import { attempt, say } from "../state/notice.ts";
import { setView } from "../state/view.ts";

/** The Cloud TPUs, of the place where they were looked at last unless another is said. */
export const showTpus = (place?: TpuPlace) => setView({ page: "tpus", ...(place ? { cloud: { project: place.project, zone: place.zone } } : {}) });
export const showHosts = (host: string | null = null) => setView({ page: "hosts", host });

/** Logs in and looks at it. What fails is shown on the host's own page. */
export function checkHost(name: string): void {
  client.send("hosts.check", { name }).catch(() => {});
}

export const disconnectHost = (name: string) => attempt(() => client.send("hosts.disconnect", { name }));

export const removeHost = (name: string, kind: "host" | "cluster") => attempt(async () => {
  await client.send(kind === "host" ? "hosts.remove" : "clusters.remove", { name });
  setView({ host: null });
  say(`Removed ${name}. Nothing changed on the host.`);
});

export const copy = (text: string, what: string) =>
  void navigator.clipboard.writeText(text).then(() => say(`Copied the ${what}.`), () => say("The browser did not allow copying."));
