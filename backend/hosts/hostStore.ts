// The hosts and clusters that a person added, and what the last check of each found: two small files of the home.
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { HostCheck, HostsFile, LinkState, type Cluster, type Host } from "../../contract/hosts.ts";
import { writeJson } from "../atomicFile.ts";
import { PersonError, plainReason } from "../personError.ts";

/** What is remembered of a host between two starts. */
const Remembered = z.object({ link: LinkState, check: HostCheck.nullable() });
export type Remembered = z.output<typeof Remembered>;

export class HostStore {
  readonly #file: string;
  readonly #checks: string;
  /** A sentence where hosts.json was not understood; it is kept under another name. */
  readonly problem: string | null = null;
  #content: HostsFile = { v: 1, hosts: [], clusters: [] };
  #remembered = new Map<string, Remembered>();

  constructor(home: string) {
    this.#file = join(home, "hosts.json");
    this.#checks = join(home, "host-checks.json");
    try {
      if (existsSync(this.#file)) this.#content = HostsFile.parse(JSON.parse(readFileSync(this.#file, "utf8")));
    } catch (error) {
      this.problem = this.#setAside(error);
    }
    try {
      const checks = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(this.#checks, "utf8")));
      for (const [name, value] of Object.entries(checks)) {
        const parsed = Remembered.safeParse(value);
        if (parsed.success) this.#remembered.set(name, parsed.data);
      }
    } catch {
      // Not there, or of another version: a check writes it anew.
    }
  }

  #setAside(error: unknown): string {
    const aside = `${this.#file}.damaged`;
    try {
      renameSync(this.#file, aside);
      return `${this.#file} could not be understood and is now ${aside}; add its hosts again.`;
    } catch {
      return `${this.#file} can't be read (${plainReason(error)}), so the hosts in it are not listed.`;
    }
  }

  get hosts(): readonly Host[] {
    return this.#content.hosts;
  }
  get clusters(): readonly Cluster[] {
    return this.#content.clusters;
  }

  /** Adds a host, or replaces the one of its name. */
  saveHost(host: Host): void {
    if (this.clusters.some(({ name }) => name === host.name)) throw new PersonError(`A cluster is called "${host.name}"; choose another name for the host.`);
    this.#write({ hosts: [...this.hosts.filter(({ name }) => name !== host.name), host].toSorted(byName) });
  }

  removeHost(name: string): void {
    if (!this.hosts.some((host) => host.name === name)) throw new PersonError(`"${name}" was not added here, so there is nothing to remove; hosts of ~/.ssh/config are removed there.`);
    const cluster = this.clusters.find(({ workers }) => workers.includes(name));
    if (cluster) throw new PersonError(`"${name}" is a worker of the cluster "${cluster.name}"; take it out there first.`);
    this.#write({ hosts: this.hosts.filter((host) => host.name !== name) });
    this.remember(name, null);
  }

  saveCluster(cluster: Cluster, taken: ReadonlySet<string>): void {
    if (taken.has(cluster.name)) throw new PersonError(`A host is called "${cluster.name}"; choose another name for the cluster.`);
    const missing = cluster.workers.find((worker) => !taken.has(worker));
    if (missing !== undefined) throw new PersonError(`There is no host "${missing}"; add it first, then put it into the cluster.`);
    this.#write({ clusters: [...this.clusters.filter(({ name }) => name !== cluster.name), cluster].toSorted(byName) });
  }

  removeCluster(name: string): void {
    if (!this.clusters.some((cluster) => cluster.name === name)) throw new PersonError(`There is no cluster "${name}".`);
    this.#write({ clusters: this.clusters.filter((cluster) => cluster.name !== name) });
  }

  remembered(name: string): Remembered | null {
    return this.#remembered.get(name) ?? null;
  }

  remember(name: string, value: Remembered | null): void {
    if (value) this.#remembered.set(name, value);
    else this.#remembered.delete(name);
    writeJson(this.#checks, Object.fromEntries(this.#remembered));
  }

  #write(change: Partial<HostsFile>): void {
    this.#content = { ...this.#content, ...change };
    writeJson(this.#file, this.#content);
  }
}

const byName = (a: { name: string }, b: { name: string }): number => a.name.localeCompare(b.name, "en", { numeric: true });
