// tpus list, create, show, add, delete: Cloud TPUs through gcloud, from the terminal.
import { createInterface } from "node:readline/promises";
import { setTimeout as wait } from "node:timers/promises";
import { homeAt } from "../../backend/home.ts";
import { cleanOutput } from "../../backend/runs/output.ts";
import { TpuName, TpuPlace } from "../../contract/tpuPlace.ts";
import { TpuAsk, TpuHostOptions, TpuKind, usualRuntime, type Tpu, type TpuList } from "../../contract/tpus.ts";
import { withBackend, type Backend } from "../backendAccess.ts";
import { checked, given } from "../checked.ts";
import { UsageError, type Command, type Option, type ParsedCommand } from "../commandLine.ts";
import { print } from "../print.ts";
import { suggestion } from "../suggestion.ts";
import { duration, table } from "../table.ts";
import { TerminalLine } from "../terminalLine.ts";
import { wholeNumber } from "./runs.ts";

/** Seconds between two looks while waiting. */
const EVERY = 30;

const PLACE: Readonly<Record<string, Option>> = {
  project: { value: "ID", about: "Google Cloud project (default: what gcloud is set to)." },
  zone: { value: "ZONE", about: "Zone, for example us-central2-b (default: what gcloud is set to)." },
};
const KIND: Readonly<Record<string, Option>> = { kind: { value: "queued|vm", about: "Which one is meant where a queued resource and a TPU VM have the same name." } };

async function placeOf({ value }: ParsedCommand, backend: Backend): Promise<TpuPlace> {
  const [project, zone] = [value("project"), value("zone")];
  if (project !== undefined && zone !== undefined) return checked(TpuPlace, { project, zone });
  const defaults = await backend.send("tpus.defaults", {}), missing = (name: string) => new UsageError(`gcloud is set to no ${name}; name one with --${name}.`);
  if ((project ?? defaults.project) === null) throw missing("project");
  if ((zone ?? defaults.zone) === null) throw missing("zone");
  return checked(TpuPlace, { project: project ?? defaults.project, zone: zone ?? defaults.zone });
}

const list: Command = {
  name: "tpus list", positional: [], about: "List the TPU VMs and queued resources of a Google Cloud project and zone.", options: PLACE,
  async run(parsed) {
    const { place, found } = await withBackend(homeAt(parsed.home), async (backend) => {
      const place = await placeOf(parsed, backend);
      return { place, found: await backend.send("tpus.list", place) };
    });
    print(parsed.json, found, listed(found, place));
    return 0;
  },
};

function listed({ tpus, problems }: TpuList, { project, zone }: TpuPlace): string {
  const rows = tpus.map((tpu) => [tpu.name, tpu.text, tpu.state, tpu.accelerator, tpu.tier, tpu.createdAt === null ? "" : `${duration(Date.now() / 1000 - tpu.createdAt)} ago`, vms(tpu), tpu.nodes.map(({ added }) => (added ? `${added.name}${added.current ? "" : " (old addresses)"}` : "")).join(" ").trim()]);
  return [
    rows.length === 0 ? `There is no TPU in ${project}, ${zone}. Ask for one with: switchyard tpus create NAME --type v5litepod-8` : table(["TPU", "state", "by Google", "type", "tier", "created", "TPU VMs", "hosts here"], rows),
    ...problems,
  ].join("\n");
}

const vms = ({ kind, name, nodes }: Tpu): string => (nodes.length === 0 ? "" : kind === "vm" || (nodes.length === 1 && nodes[0]!.name === name) ? workers(nodes[0]!.workers.length) : nodes.map((node) => node.name).join(" "));
const workers = (count: number): string => `${count} ${count === 1 ? "worker" : "workers"}`;

const create: Command = {
  name: "tpus create", positional: ["NAME"], about: "Ask Google Cloud for a TPU, as a queued resource. It costs money from when it is ready until it is deleted.",
  details: "The request waits in Google's queue until there are chips: \"tpus show NAME --wait\" waits for them, \"tpus add NAME\" makes hosts of them.\nA public key is put into the TPU's metadata, so that ssh gets in as USER.",
  options: {
    type: { value: "TYPE", about: "Accelerator type, for example v5litepod-8, v5p-8, v6e-16 or v4-32." },
    runtime: { value: "VERSION", about: "Runtime version (default: the usual one of the type, for example v2-alpha-tpuv5-lite)." },
    spot: { about: "A spot TPU: cheaper, and Google Cloud may take it back at any moment." }, reserved: { about: "From the project's reservation." },
    network: { value: "NET", about: "Network (default: default)." }, subnetwork: { value: "NET", about: "Subnetwork." }, internal: { about: "Without addresses of the internet." },
    within: { value: "HOURS", about: "Give up if it still waits after so many hours, 1 to 720." },
    user: { value: "USER", about: "Who logs in there (default: your name here)." },
    "ssh-key": { value: "FILE.pub", about: "Public key to log in with (default: gcloud's own, or the first of ~/.ssh)." }, "no-ssh-key": { about: "Put no key there: gcloud, OS Login or keys of the project let you in." },
    ...PLACE,
  },
  async run(parsed) {
    const { positional: [name], value, has, json } = parsed, type = value("type");
    if (type === undefined) throw new UsageError("--type says which TPU, for example --type v5litepod-8.");
    if (has("spot") && has("reserved")) throw new UsageError("A TPU is spot or reserved: leave out one of the two.");
    if (has("no-ssh-key") && (value("ssh-key") !== undefined || value("user") !== undefined)) throw new UsageError("--no-ssh-key goes with neither --ssh-key nor --user.");
    const runtime = value("runtime") ?? usualRuntime(type);
    if (runtime === null) throw new UsageError(`The usual runtime version of ${type} is not known; name it with --runtime.`);
    const { place, ask } = await withBackend(homeAt(parsed.home), async (backend) => {
      const place = await placeOf(parsed, backend), key = has("no-ssh-key") ? null : await loginFor(parsed, backend);
      const ask = checked(TpuAsk, {
        name, accelerator: type, runtime, tier: has("spot") ? "spot" : has("reserved") ? "reserved" : "on-demand", internal: has("internal"),
        ...given("network", value("network")), ...given("subnetwork", value("subnetwork")), ...given("withinHours", wholeNumber(parsed, "within", 1)), ...(key ? { login: key } : {}),
      });
      await backend.send("tpus.create", { place, ask });
      return { place, ask };
    });
    const at = ` --project ${place.project} --zone ${place.zone}`;
    print(json, { place, ask }, `Asked for ${ask.name}: ${ask.accelerator}, ${ask.tier}, in ${place.zone}. It costs money from when it is ready until it is deleted.\nWait for it with: switchyard tpus show ${ask.name} --wait${at}\nThen make hosts of it: switchyard tpus add ${ask.name}${at}`);
    return 0;
  },
};

async function loginFor({ value }: ParsedCommand, backend: Backend): Promise<{ user: string; publicKeyFile: string } | null> {
  const [user, file] = [value("user"), value("ssh-key")];
  if (user !== undefined && file !== undefined) return { user, publicKeyFile: file };
  const defaults = await backend.send("tpus.defaults", {}), publicKeyFile = file ?? defaults.publicKeyFile;
  if (publicKeyFile === null) throw new UsageError("There is no public key in ~/.ssh to log in with: make one with ssh-keygen -t ed25519, name another with --ssh-key, or leave it to gcloud with --no-ssh-key.");
  return { user: user ?? defaults.user, publicKeyFile };
}

/** @throws where there is none, or more than one */
function named(list: TpuList, name: string, kind: string | undefined): Tpu {
  const found = list.tpus.filter((tpu) => tpu.name === name && (kind === undefined || tpu.kind === kind));
  if (found.length > 1) throw new Error(`A queued resource and a TPU VM are called "${name}"; say which with --kind queued or --kind vm.`);
  if (found.length === 0) throw new Error([`There is no TPU "${name}" there.${suggestion(name, list.tpus.map((tpu) => tpu.name))}`, ...list.problems].join(" "));
  return found[0]!;
}
const kindOf = ({ value }: ParsedCommand) => (value("kind") === undefined ? undefined : checked(TpuKind, value("kind")));

const show: Command = {
  name: "tpus show", positional: ["NAME"], about: "Show a TPU: its state with the reason, its workers and their addresses.",
  details: "With --wait it looks again until the TPU is ready, and ends with code 1 where it never will be.",
  options: { wait: { about: "Wait until it is ready." }, every: { value: "SECONDS", about: `Seconds between two looks while it waits (default: ${EVERY}).` }, ...KIND, ...PLACE },
  async run(parsed) {
    const { positional: [name], json, has } = parsed, kind = kindOf(parsed), every = wholeNumber(parsed, "every", 1) ?? EVERY, home = homeAt(parsed.home), line = new TerminalLine(), started = Date.now();
    const look = (place: TpuPlace) => withBackend(home, async (backend) => named(await backend.send("tpus.list", place), name!, kind));
    const place = await withBackend(home, (backend) => placeOf(parsed, backend));
    let tpu = await look(place), said = "";
    try {
      while (has("wait") && (tpu.phase === "waiting" || tpu.phase === "starting" || tpu.phase === "unknown")) {
        // Where no line can be drawn over, as in a log, each change is one.
        if (!process.stderr.isTTY && tpu.text !== said) process.stderr.write(`${tpu.name}: ${cleanOutput(tpu.text)}\n`);
        said = tpu.text;
        for (const next = Date.now() + every * 1000; Date.now() < next; await wait(Math.min(1000, next - Date.now()))) line.draw(`${tpu.name}: ${tpu.text}, ${duration((Date.now() - started) / 1000)}`);
        tpu = await look(place);
      }
    } finally {
      line.clear();
    }
    print(json, tpu, shown(tpu, place));
    return has("wait") && tpu.phase !== "ready" ? 1 : 0;
  },
};

function shown(tpu: Tpu, { project, zone }: TpuPlace): string {
  return [
    `${tpu.name}: ${tpu.text}${tpu.state ? ` (${tpu.state})` : ""}`, `${tpu.kind === "queued" ? "queued resource" : "TPU VM"}, ${tpu.accelerator}, ${tpu.runtime}, ${tpu.tier}`,
    ...tpu.nodes.map((node) => ["", `${node.name}: ${node.state}${node.unhealthy ? `, ${node.unhealthy}` : ""}${node.added ? `, here ${node.added.name}${node.added.current ? "" : " with old addresses"}` : ""}`,
      table(["worker", "internal", "external"], node.workers.map(({ internal, external }, worker) => [String(worker), internal, external])),
      ...(node.phase === "ready" && !node.added?.current ? [`${node.added ? "Bring its hosts up to date" : "Make hosts of it"} with: switchyard tpus add ${node.name} --project ${project} --zone ${zone}`] : [])].join("\n")),
  ].join("\n");
}

const add: Command = {
  name: "tpus add", positional: ["NAME"], about: "Make a host of a TPU VM that is ready, or a cluster of its workers, to train on.",
  details: "Done again, it brings their addresses up to date. What ssh asks, such as whether a worker's key is the right one, is asked at \"hosts check\".",
  options: {
    as: { value: "NAME", about: "Name of the host or cluster (default: the TPU VM's)." },
    user: { value: "USER", about: "User name there (default: whose key of ~/.ssh is in the TPU's metadata)." }, identity: { value: "FILE", about: "Private key to log in with." },
    jump: { value: "HOST", about: "Host to go through: HOST, USER@HOST or USER@HOST:PORT." }, internal: { about: "Reach it by its internal addresses." },
    python: { value: "PATH", about: "Python interpreter there, the one with JAX (default: ~/switchyard-jax/bin/python)." }, runs: { value: "DIR", about: "Folder of run directories there." },
    ...PLACE,
  },
  async run(parsed) {
    const { value, has, json } = parsed, node = checked(TpuName, parsed.positional[0]);
    const options = checked(TpuHostOptions, { ...given("as", value("as")), ...given("user", value("user")), ...given("identityFile", value("identity")), ...given("jump", value("jump")), ...given("python", value("python")), ...given("runs", value("runs")), ...(has("internal") ? { internal: true } : {}) });
    const added = await withBackend(homeAt(parsed.home), async (backend) => backend.send("tpus.add", { place: await placeOf(parsed, backend), node, options }));
    const what = added.hosts.length === 1 ? `${node} is the host ${added.name}` : `${node} is the cluster ${added.name} of ${added.hosts.length} hosts`;
    print(json, added, `${what}. Look at it with: switchyard hosts check ${added.name}`);
    return 0;
  },
};

const remove: Command = {
  name: "tpus delete", positional: ["NAME"], about: "Delete a TPU with its machines and everything on them, after asking.",
  details: "A queued resource that still waits is called off. Hosts that were made of it stay in the list until \"hosts remove\".",
  options: { yes: { about: "Don't ask." }, ...KIND, ...PLACE },
  async run(parsed) {
    const { positional: [name], has, json } = parsed, kind = kindOf(parsed), home = homeAt(parsed.home);
    const { place, tpu } = await withBackend(home, async (backend) => {
      const place = await placeOf(parsed, backend);
      return { place, tpu: named(await backend.send("tpus.list", place), name!, kind) };
    });
    if (!has("yes") && !(await agreed(tpu, place))) {
      print(json, { deleted: false }, `${tpu.name} was left as it is.`);
      return 1;
    }
    await withBackend(home, (backend) => backend.send("tpus.delete", { place, kind: tpu.kind, name: tpu.name }));
    print(json, { deleted: true, ...place, kind: tpu.kind, name: tpu.name }, `Google Cloud deletes ${tpu.name}; "switchyard tpus list" shows it until it is gone.`);
    return 0;
  },
};

/** Asks on the terminal; the name has to be typed. @throws UsageError where nobody can be asked */
async function agreed({ name, text, accelerator }: Tpu, { project, zone }: TpuPlace): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw new UsageError(`Nobody can be asked here whether ${name} is to be deleted; with --yes it is.`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${name} (${accelerator}, ${cleanOutput(text)}) in ${project}, ${zone} goes with its machines and everything on them. Type its name to delete it: `);
    return answer.trim() === name;
  } finally {
    lines.close();
  }
}

export const tpuCommands: readonly Command[] = [list, create, show, add, remove];
