// Cloud TPUs through gcloud: looked at, asked for, made hosts of, deleted.
import { homedir } from "node:os";
import type { TpuPlace } from "../../contract/tpuPlace.ts";
import type { TpuAsk, TpuHostOptions, TpuKind, TpuList } from "../../contract/tpus.ts";
import type { Hosts } from "../hosts/hosts.ts";
import { PersonError } from "../personError.ts";
import { runGcloud } from "./gcloud.ts";
import { localUser, readPublicKey, usualPublicKey } from "./sshKeys.ts";
import { readConfiguration, readNode, readTpus } from "./tpuAnswers.ts";
import { configuration, createQueued, describeVm, listQueued, listVms, remove } from "./tpuCommands.ts";
import { addedOf, hostsOf } from "./tpuHosts.ts";

/** gcloud alone takes a second or two to start. */
const LOOK_SECONDS = 60, ORDER_SECONDS = 180;

export class Tpus {
  readonly #hosts: Pick<Hosts, "state" | "save" | "saveCluster">;
  readonly #home: string;
  #looks = new AbortController();
  #lists = new Map<string, Promise<TpuList>>();

  /** @param home the person's own, where ~/.ssh lies */
  constructor(hosts: Pick<Hosts, "state" | "save" | "saveCluster">, home = homedir()) {
    this.#hosts = hosts;
    this.#home = home;
  }

  #look(args: readonly string[]): Promise<string> {
    return runGcloud(args, { seconds: LOOK_SECONDS, signal: this.#looks.signal });
  }

  /** What gcloud is set to, and what this machine has to log in with. @throws PersonError */
  async defaults() {
    return { ...readConfiguration(await this.#look(configuration())), user: localUser(), publicKeyFile: usualPublicKey(this.#home) };
  }

  /** One pair of processes serves all who ask at the same time. @throws PersonError where neither list can be had */
  list(place: TpuPlace): Promise<TpuList> {
    const key = `${place.project} ${place.zone}`, there = this.#lists.get(key);
    if (there) return there;
    const list = this.#list(place).finally(() => { if (this.#lists.get(key) === list) this.#lists.delete(key); });
    this.#lists.set(key, list);
    return list;
  }

  async #list(place: TpuPlace): Promise<TpuList> {
    const [queued, vms] = await Promise.allSettled([this.#look(listQueued(place)), this.#look(listVms(place))]);
    if (queued.status === "rejected" && vms.status === "rejected") throw queued.reason;
    const answers = [queued, vms].map((answer) => (answer.status === "fulfilled" ? answer.value : null)), { tpus, nodes, problems } = readTpus(answers[0]!, answers[1]!);
    const present = this.#hosts.state();
    for (const read of nodes) read.node.added = addedOf(read, place, present);
    return { tpus, problems: [...[queued, vms].flatMap((answer) => (answer.status === "rejected" ? [(answer.reason as Error).message] : [])), ...problems] };
  }

  /** @throws PersonError, also where it is not known whether it was done */
  async create(place: TpuPlace, ask: TpuAsk): Promise<void> {
    const key = ask.login && `${ask.login.user}:${readPublicKey(ask.login.publicKeyFile, this.#home)} ${ask.login.user}`;
    await this.#order(createQueued(place, ask, key ?? null));
  }

  /** Makes hosts of a TPU VM that is ready. @throws PersonError */
  async add(place: TpuPlace, node: string, options: TpuHostOptions): Promise<{ name: string; hosts: string[] }> {
    const read = readNode(await this.#look(describeVm(place, node)));
    if (read.node.name !== node) throw new PersonError(`gcloud was asked about ${node} and told of ${read.node.name}; nothing was added.`);
    const { hosts, cluster } = hostsOf(read, place, options, this.#hosts.state(), this.#home);
    for (const host of hosts) await this.#hosts.save(host);
    if (cluster) this.#hosts.saveCluster(cluster);
    return { name: cluster?.name ?? hosts[0]!.name, hosts: hosts.map(({ name }) => name) };
  }

  /** @throws PersonError, also where it is not known whether it was done */
  async delete(place: TpuPlace, kind: TpuKind, name: string): Promise<void> {
    await this.#order(remove(place, kind, name));
  }

  /** An order is not cut short: nobody would know whether it was carried out. What was listed before it is old. */
  async #order(args: readonly string[]): Promise<void> {
    try {
      await runGcloud(args, { seconds: ORDER_SECONDS });
    } finally {
      this.#lists.clear();
    }
  }

  /** Ends the processes that only look. */
  cancel(): void {
    this.#looks.abort();
    this.#looks = new AbortController();
  }
}
