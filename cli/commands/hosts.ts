// hosts list, add, check, remove: other machines, from the terminal.
import { homeAt } from "../../backend/home.ts";
import { cleanOutput } from "../../backend/runs/output.ts";
import { Cluster, Host, trainingDevices, type Finding, type HostCheck, type HostDevices, type HostsState, type HostSummary } from "../../contract/hosts.ts";
import { answeringPrompts, canAsk } from "../answerPrompts.ts";
import { withBackend } from "../backendAccess.ts";
import { checked, given } from "../checked.ts";
import { UsageError, type Command, type ParsedCommand } from "../commandLine.ts";
import { print } from "../print.ts";
import { suggestion } from "../suggestion.ts";
import { duration, format, table } from "../table.ts";
import { enginesFound } from "../../contract/engineText.ts";
import { engineAsked, engineOptions } from "../engineOptions.ts";
import { wholeNumber } from "./runs.ts";

const list: Command = {
  name: "hosts list", positional: [], about: "List hosts and clusters: those added and those of ~/.ssh/config.", options: {},
  async run({ home, json }) {
    const state = await withBackend(homeAt(home), (backend) => backend.send("hosts.list", {}));
    print(json, state, state.hosts.length === 0 ? "There are no hosts: ~/.ssh/config names none. Add one with: switchyard hosts add NAME ADDRESS" : listed(state));
    return 0;
  },
};

function listed({ hosts, clusters, problems }: HostsState): string {
  return [
    table(["host", "state", "since", "devices", "address", "from"], hosts.map((host) => [host.name, stateWord(host), since(host), devicesOf(host.check), addressOf(host), host.source === "config" ? "~/.ssh/config" : "added"])),
    ...(clusters.length > 0 ? ["", table(["cluster", "workers"], clusters.map(({ name, workers }) => [name, workers.join(" ")]))] : []),
    ...problems,
  ].join("\n");
}

const STATE = { untried: "not tried", connecting: "connecting", connected: "connected", idle: "reachable", unreachable: "unreachable" } as const;
const stateWord = ({ link }: HostSummary): string => STATE[link.status];
const since = ({ link }: HostSummary): string => (link.since === null ? "" : `${duration(Date.now() / 1000 - link.since)} ago`);
const addressOf = ({ target: { address, user, port, jump } }: HostSummary): string => `${user ? `${user}@` : ""}${address}${port ? `:${port}` : ""}${jump ? ` via ${jump}` : ""}`;
const devicesWords = (devices: readonly HostDevices[]): string => devices.map(({ count, kind, memoryBytes }) => `${count} × ${kind}${memoryBytes === null ? "" : ` (${format(memoryBytes / 2 ** 30)} GiB)`}`).join(", ");
function devicesOf(check: HostCheck | null): string {
  if (!check) return "";
  return devicesWords(trainingDevices(check)) || (check.cores === null ? "" : `${check.cores} cores`);
}

const add: Command = {
  name: "hosts add", positional: ["NAME", "[ADDRESS]"], about: "Add a host, or a cluster of hosts, or change one.",
  details: "ADDRESS is a host name, an IP address or a Host of ~/.ssh/config (default: NAME). What is left out is as ~/.ssh/config says.\nWith --workers NAME becomes a cluster of hosts that are there already.",
  options: {
    user: { value: "USER", about: "User name there." },
    port: { value: "N", about: "Port of its SSH server." },
    identity: { value: "FILE", about: "Private key to log in with." },
    jump: { value: "HOST", about: "Host to go through: HOST, USER@HOST or USER@HOST:PORT." },
    python: { value: "PATH", about: "Python interpreter there, the one with JAX (default: python3)." },
    runs: { value: "DIR", about: "Folder of run directories there (default: ~/.local/share/switchyard/runs)." },
    ...engineOptions,
    workers: { value: "A,B,...", about: "Make a cluster of these hosts, worker 0 first." },
  },
  async run(parsed) {
    const { positional: [name, address], value, json } = parsed, workers = value("workers");
    if (workers !== undefined) {
      if (address !== undefined) throw new UsageError("A cluster has workers and no address: leave out one of the two.");
      const cluster = checked(Cluster, { name, workers: workers.split(",").map((worker) => worker.trim()) });
      await withBackend(homeAt(parsed.home), (backend) => backend.send("clusters.save", { cluster }));
      print(json, cluster, `${cluster.name} is a cluster of ${cluster.workers.length} ${cluster.workers.length === 1 ? "host" : "hosts"}.`);
      return 0;
    }
    const host = checked(Host, {
      name, target: { address: address ?? name, ...given("user", value("user")), ...given("port", wholeNumber(parsed, "port", 1)), ...given("identityFile", value("identity")), ...given("jump", value("jump")) },
      ...given("python", value("python")), ...given("runs", value("runs")),
      ...given("engine", engineAsked(parsed)),
    });
    await withBackend(homeAt(parsed.home), (backend) => backend.send("hosts.add", { host }));
    print(json, host, `Added ${host.name}. Look at it with: switchyard hosts check ${host.name}`);
    return 0;
  },
};

const check: Command = {
  name: "hosts check", positional: ["NAME"], about: "Log in to a host, or to each worker of a cluster, and say what it has and what is missing.",
  details: "Asks on the terminal what ssh wants to know: whether a new host's key is the right one, a passphrase, a password or a code.\nExit code 1 when a host can't be reached or lacks something that training there needs.",
  options: {},
  async run({ positional, home, json }) {
    return withBackend(homeAt(home), (backend) => answeringPrompts(backend, async () => {
      const names = namesOf(await backend.send("hosts.list", {}), positional[0]!);
      const results: { name: string; host: HostSummary | null; error: string | null }[] = [];
      for (const name of names) {
        try {
          results.push({ name, host: await backend.send("hosts.check", { name, ask: canAsk() }), error: null });
        } catch (error) {
          results.push({ name, host: null, error: (error as Error).message });
        }
      }
      // One host's failure is the command's own.
      if (results.length === 1 && results[0]!.error !== null) throw new Error(results[0]!.error);
      print(json, results.length === 1 ? results[0]!.host : results, results.map(({ name, host, error }) => (host?.check ? checkText(host, host.check) : `✕ ${name}: ${error}`)).join("\n\n"));
      return results.every(({ host }) => host?.check && !host.check.findings.some(({ level }) => level === "needed")) ? 0 : 1;
    }, ({ hosts }) => hosts.flatMap(({ name, checking }) => (checking ? [`${name}: ${checking}`] : [])).join("  ")));
  },
};

function namesOf({ hosts, clusters }: HostsState, name: string): string[] {
  const cluster = clusters.find((one) => one.name === name);
  if (cluster) return cluster.workers;
  if (hosts.some((host) => host.name === name)) return [name];
  throw new Error(`There is no host or cluster "${name}".${suggestion(name, [...hosts, ...clusters].map((one) => one.name))} "switchyard hosts list" shows all.`);
}

const gibibytes = (bytes: number | null): string => (bytes === null ? "–" : `${format(bytes / 2 ** 30)} GiB`);

/** What was found, a fact a line, then what to do. */
function checkText(host: HostSummary, check: HostCheck): string {
  const { jax, python, disk, runs } = check;
  const facts: [string, string][] = [
    ["Round trip", check.roundTripMilliseconds === null ? "–" : `${format(check.roundTripMilliseconds)} ms`],
    ["System", `${check.system}, ${check.kernel}, ${check.architecture}`],
    ["Processor", `${check.cores ?? "–"} cores, load ${check.load?.map(format).join(" ") ?? "–"}`],
    ["Memory", `${gibibytes(check.memoryAvailableBytes)} of ${gibibytes(check.memoryBytes)} free`],
    ["Disk", disk ? `${gibibytes(disk.freeBytes)} of ${gibibytes(disk.totalBytes)} free at ${disk.path}` : "–"],
    ["Accelerators", devicesWords(check.accelerators) || "none found"],
    ["Python", python ? `${python.version} at ${python.path}` : "none"],
    ["JAX", jax ? `${jax.version}${jax.devices.length > 0 ? `: ${devicesWords(jax.devices)}` : ""}` : "none"],
    ...enginesFound(check, host.engine).map(({ title, value, note }) => [title, `${value}: ${note}`] as [string, string]),
    ["Runs", runs ? `${runs.count} in ${runs.folder}` : "–"],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return [`✓ ${host.name} (${check.hostname})`, ...facts.map(([name, value]) => `  ${name.padEnd(width)}  ${format(value)}`), ...check.findings.flatMap(findingLines), ...(check.tpuInfo ? ["", cleanOutput(check.tpuInfo)] : [])].join("\n");
}

const findingLines = ({ level, message, remedy, command }: Finding): string[] =>
  [`${level === "needed" ? "✕" : "!"} ${message}`, `  ${remedy}`, ...(command ? [`    ${command}`] : [])];

const remove: Command = {
  name: "hosts remove", positional: ["NAME"], about: "Forget a host or cluster that was added. Nothing on the host changes.", options: {},
  async run({ positional: [name], home, json }: ParsedCommand) {
    await withBackend(homeAt(home), async (backend) => {
      const { clusters } = await backend.send("hosts.list", {});
      await backend.send(clusters.some((cluster) => cluster.name === name) ? "clusters.remove" : "hosts.remove", { name: name! });
    });
    print(json, { removed: name }, `Removed ${name}.`);
    return 0;
  },
};

export const hostCommands: readonly Command[] = [list, add, check, remove];
