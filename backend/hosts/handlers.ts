// The requests about hosts.
import { homedir } from "node:os";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Handlers } from "../../contract/handlers.ts";
import type { hostRequests } from "../../contract/hosts.ts";
import { PersonError } from "../personError.ts";
import type { Hosts } from "./hosts.ts";
import { resolveHost } from "./sshConfig.ts";

const OK = { ok: true } as const;

export function createHostHandlers(hosts: Hosts): Pick<Handlers, keyof typeof hostRequests> {
  return {
    "hosts.list": () => hosts.state(),
    "hosts.add": async ({ host }) => {
      const file = host.target.identityFile;
      if (file !== undefined && !existsSync(file.startsWith("~/") ? join(homedir(), file.slice(2)) : file)) throw new PersonError(`There is no identity file ${file}.`, { issues: [{ path: "target.identityFile", message: "There is no such file." }] });
      await hosts.save(host);
      return OK;
    },
    "hosts.remove": async ({ name }) => {
      await hosts.remove(name);
      return OK;
    },
    "hosts.resolve": ({ target }) => resolveHost(target, hosts.sshOptions.configFile),
    "hosts.check": ({ name, ask }) => hosts.check(name, ask),
    "hosts.disconnect": async ({ name }) => {
      await hosts.disconnect(name);
      return OK;
    },
    "hosts.answer": ({ promptId, answer }) => {
      hosts.answer(promptId, answer);
      return OK;
    },
    "clusters.save": ({ cluster }) => {
      hosts.saveCluster(cluster);
      return OK;
    },
    "clusters.remove": ({ name }) => {
      hosts.removeCluster(name);
      return OK;
    },
    "forwards.open": ({ name, port, label }) => hosts.openForward(name, port, label),
    "forwards.close": async ({ forwardId }) => {
      await hosts.closeForward(forwardId);
      return OK;
    },
  };
}
