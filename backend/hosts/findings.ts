// What a check's facts mean for training there: each thing that is missing or in the way, with the one thing to do.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Finding, Host, HostCheck } from "../../contract/hosts.ts";
import { engineFindings } from "./engineFindings.ts";
import { advice, needed } from "./finding.ts";
import { quotePath } from "./remoteShell.ts";

/** The agent's own bound, and the oldest Python that JAX's present releases run on. */
const AGENT_PYTHON = [3, 8], JAX_PYTHON = [3, 11];
const LITTLE_DISK = 10e9;
/** What the trainer runs with, as name and version, JAX among it. */
const REQUIREMENTS = readFileSync(fileURLToPath(new URL("../../remote/requirements.txt", import.meta.url)), "utf8")
  .split("\n").flatMap((line) => [...line.matchAll(/^([A-Za-z0-9-]+)==(\S+)$/g)].map(([, name, version]) => [name!, version!] as [string, string]));
const TESTED_JAX = REQUIREMENTS.find(([name]) => name === "jax")![1];
/** Where an environment for it is suggested. */
const ENVIRONMENT = "~/switchyard-jax";

type Facts = Omit<HostCheck, "findings">;

export function findings(host: Pick<Host, "name" | "python" | "runs" | "engine" | "tpu">, facts: Facts): Finding[] {
  return [...pythonFindings(host, facts), ...jaxFindings(host, facts), ...engineFindings(host, facts), ...placeFindings(host, facts)];
}

function pythonFindings({ name, python: wanted, tpu }: Pick<Host, "name" | "python" | "tpu">, { python, system }: Facts): Finding[] {
  if (!python) {
    const own = wanted !== "python3", environment = /^(~\/[\w./-]+)\/bin\/python3?$/.exec(wanted)?.[1];
    if (tpu && environment !== undefined) return [needed(`${wanted} is not there yet on ${name}.`, "Make that environment there, with JAX in it.", tpuEnvironment(environment))];
    return [needed(own ? `${wanted} is no Python that runs on ${name}.` : `${name} has no python3.`,
      own ? "Correct the interpreter in this host's settings, or make that environment there." : "Install Python 3.11 or later there.",
      own ? null : /debian|ubuntu/i.test(system) ? "sudo apt-get install python3 python3-venv" : null)];
  }
  if (older(python.version, AGENT_PYTHON)) return [needed(`${python.path} is Python ${python.version}; nothing older than 3.8 can follow runs, and JAX needs 3.11.`, "Name a newer interpreter in this host's settings.", null)];
  if (older(python.version, JAX_PYTHON)) return [needed(`${python.path} is Python ${python.version}: it can follow runs, but JAX needs 3.11 or later to train.`, "Name a newer interpreter in this host's settings.", null)];
  return [];
}

/** As pip is told of it; of JAX the build for the accelerator, "[tpu]" for example. */
const packageOf = (build: string) => ([name, version]: [string, string]): string => (name === "jax" && build ? `"jax${build}==${version}"` : `${name}==${version}`);

/** The images of TPU VMs have an older Python than JAX needs; uv brings one without root. */
const tpuEnvironment = (folder: string): string =>
  `python3 -m pip install --user uv && ~/.local/bin/uv venv --seed --python 3.12 ${folder} && ~/.local/bin/uv pip install --python ${folder}/bin/python ${REQUIREMENTS.map(packageOf("[tpu]")).join(" ")}`;

function jaxFindings({ python: wanted }: Pick<Host, "python">, { python, jax, accelerators, tpuHolder }: Facts): Finding[] {
  if (!python || older(python.version, JAX_PYTHON)) return [];
  const python3 = /^~\/[\w./-]+$/.test(wanted) ? wanted : quotePath(wanted), pip = `${python3} -m pip install --upgrade`;
  const has = (platform: string) => accelerators.some((device) => device.platform === platform);
  const build = has("tpu") ? "[tpu]" : has("gpu") ? "[cuda13]" : "";
  const named = packageOf(build);
  if (!jax) {
    const missing = `JAX is not installed for ${python.path}.`, packages = REQUIREMENTS.map(named).join(" ");
    // A system's own Python often refuses packages; an environment takes them everywhere.
    return wanted === "python3"
      ? [needed(missing, `Make an environment with it there, then name ${ENVIRONMENT}/bin/python as this host's interpreter.`, `python3 -m venv ${ENVIRONMENT} && ${ENVIRONMENT}/bin/python -m pip install --upgrade ${packages}`)]
      : [needed(missing, "Install it there.", `${pip} ${packages}`)];
  }
  const found: Finding[] = [];
  const missing = REQUIREMENTS.filter(([name]) => jax.packages[name] === null), names = missing.map(([name]) => name).join(", ").replace(/, ([^,]*)$/, " and $1");
  if (missing.length > 0) found.push(needed(`${names} ${missing.length === 1 ? "is" : "are"} not installed for ${python.path}.`, "Install what is missing beside JAX.", `${pip} ${missing.map(named).join(" ")}`));
  if (older(jax.version, TESTED_JAX.split(".").map(Number))) found.push(advice(`JAX there is ${jax.version}; the trainer is tested with ${TESTED_JAX}.`, "Bring it up to date if a run fails at its start.", `${pip} ${named(["jax", TESTED_JAX])}`));
  if (tpuHolder !== null) found.push(advice(`Process ${tpuHolder} there holds the TPU, so JAX was not asked for its devices.`, "Wait for it or stop it before starting a run: a TPU serves one process at a time.", null));
  else if (jax.problem !== null) found.push(needed(`JAX can't name its devices: ${jax.problem}.`, has("tpu") ? "Look whether another process of the host holds the TPU, and that libtpu fits this JAX." : "Run the command there to see the whole error.", `${python3} -c "import jax; print(jax.devices())"`));
  else if ((has("tpu") && jax.backend !== "tpu") || (has("gpu") && jax.backend === "cpu"))
    found.push(needed(`The host has ${accelerators.map(({ count, kind }) => `${count} × ${kind}`).join(", ")}, but JAX sees its CPU alone.`, "Install the build of JAX that is made for them.", `${pip} ${named(["jax", TESTED_JAX])}`));
  return found;
}

function placeFindings({ name }: Pick<Host, "name">, { runs, disk, load, cores }: Facts): Finding[] {
  const found: Finding[] = [];
  if (runs && !runs.writable) found.push(needed(`The runs folder ${runs.folder} can't be written on ${name}.`, "Choose another runs folder in this host's settings, or change who owns it.", null));
  if (disk && disk.freeBytes < LITTLE_DISK) found.push(advice(`The disk of the runs folder has ${(disk.freeBytes / 1e9).toPrecision(2)} GB free.`, "Free some space, or choose a runs folder on another disk: checkpoints need room.", null));
  if (load && cores && load[1] > 1.5 * cores) found.push(advice(`${name} is busy: ${Number(load[1].toPrecision(3))} processes want its ${cores} ${cores === 1 ? "core" : "cores"} (mean of 5 minutes).`, "Training will be slow until they are done.", null));
  return found;
}

function older(version: string, bound: readonly number[]): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < bound[0]! || (major === bound[0] && minor < bound[1]!);
}
