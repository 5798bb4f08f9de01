// Each thing that can be missing on a host has its one remedy; where nothing is missing, nothing is said.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { RayEngine, SlurmEngine } from "../../contract/engines.ts";
import type { HostCheck } from "../../contract/hosts.ts";
import { findings } from "./findings.ts";

const host = { name: "tpu-0", python: "~/venv/bin/python", runs: "~/runs" };
const packages = { jax: "0.10.2", jaxlib: "0.10.2", flax: "0.12.8", optax: "0.2.8", "orbax-checkpoint": "0.12.8", safetensors: "0.8.0", numpy: "2.4.6", scipy: "1.17.1", libtpu: null };
const tpu = { platform: "tpu", kind: "TPU v5 lite", count: 4, memoryBytes: 2 ** 34 };
const jax: NonNullable<HostCheck["jax"]> = { version: "0.10.2", backend: "tpu", devices: [tpu], packages, problem: null };
const good: Omit<HostCheck, "findings"> = {
  at: 0, seconds: 1, roundTripMilliseconds: 1, hostname: "h", system: "Debian GNU/Linux 12", kernel: "Linux", architecture: "x86_64", cores: 8, memoryBytes: 1, memoryAvailableBytes: 1, load: [1, 1, 1],
  disk: { path: "/", freeBytes: 1e12, totalBytes: 2e12 }, runs: { folder: "/r", count: 0, writable: true }, python: { path: "/p", version: "3.12.1" }, jax,
  accelerators: [{ platform: "tpu", kind: "TPU chip", count: 4, memoryBytes: null }], tpuHolder: null, tpuInfo: null, slurm: null, ray: null,
};
const ray: NonNullable<(typeof good)["ray"]> = { version: "2.60.0", nodes: 2, resources: [{ name: "CPU", total: 16, most: 8 }, { name: "GPU", total: 8, most: 4 }, { name: "TPU", total: 4, most: 4 }], problem: null };
const partition = { name: "main", isDefault: false, up: true, nodes: 2, timeLimit: "infinite" };

test("a host that has all of it needs nothing", () => expect(findings(host, good)).toEqual([]));

test.each<[string, Partial<typeof good>, "needed" | "advice", string, RegExp | null]>([
  ["no Python", { python: null, jax: null }, "needed", "~/venv/bin/python is no Python that runs on tpu-0.", null],
  ["an old Python", { python: { path: "/p", version: "3.10.14" }, jax: null }, "needed", "/p is Python 3.10.14: it can follow runs, but JAX needs 3.11 or later to train.", null],
  ["a very old one", { python: { path: "/p", version: "3.7.3" }, jax: null }, "needed", "nothing older than 3.8 can follow runs", null],
  ["no JAX beside a TPU", { jax: null }, "needed", "JAX is not installed for /p.", /^~\/venv\/bin\/python -m pip install --upgrade "jax\[tpu\]==[\d.]+" flax==[\d.]+ optax==[^#]+$/],
  ["no JAX beside a GPU", { jax: null, accelerators: [{ platform: "gpu", kind: "NVIDIA H100", count: 8, memoryBytes: 1 }] }, "needed", "JAX is not installed", /"jax\[cuda13\]==/],
  ["packages missing", { jax: { ...jax, packages: { ...packages, flax: null, optax: null, scipy: null } } }, "needed", "flax, optax and scipy are not installed for /p.", /--upgrade flax==\S+ optax==\S+ scipy==\S+$/],
  ["an old JAX", { jax: { ...jax, version: "0.4.38" } }, "advice", "JAX there is 0.4.38; the trainer is tested with", /jax\[tpu\]==/],
  ["a TPU in use", { tpuHolder: 4711, jax: { ...jax, backend: null, devices: [], problem: "not asked" } }, "advice", "Process 4711 there holds the TPU", null],
  ["a JAX that fails", { jax: { ...jax, backend: null, devices: [], problem: "RuntimeError: no TPU" } }, "needed", "JAX can't name its devices: RuntimeError: no TPU.", /-c "import jax; print\(jax\.devices\(\)\)"$/],
  ["a JAX for the CPU beside a TPU", { jax: { ...jax, backend: "cpu" } }, "needed", "The host has 4 × TPU chip, but JAX sees its CPU alone.", /jax\[tpu\]==/],
  ["a runs folder of somebody else", { runs: { folder: "/r", count: 0, writable: false } }, "needed", "The runs folder /r can't be written on tpu-0.", null],
  ["a full disk", { disk: { path: "/", freeBytes: 3.2e9, totalBytes: 1e12 } }, "advice", "The disk of the runs folder has 3.2 GB free.", null],
  ["a busy host", { load: [20, 16.04, 12] }, "advice", "tpu-0 is busy: 16 processes want its 8 cores", null],
])("%s", (_, change, level, message, command) => {
  const [found, ...others] = findings(host, { ...good, ...change });
  expect(others).toEqual([]);
  expect(found).toMatchObject({ level, message: expect.stringContaining(message), command: command ? expect.stringMatching(command) : null });
  expect(found!.remedy).toMatch(/\.$/);
});

test("a fresh TPU VM is told how to make the environment that its host names", () => {
  const worker = { project: "my-project", zone: "us-central2-b", node: "pod", worker: 0 }, bare = { ...good, python: null, jax: null };
  const [found] = findings({ ...host, python: "~/switchyard-jax/bin/python", tpu: worker }, bare);
  expect(found).toMatchObject({ message: "~/switchyard-jax/bin/python is not there yet on tpu-0.", command: expect.stringMatching(/uv venv --seed --python 3\.12 ~\/switchyard-jax && .* --python ~\/switchyard-jax\/bin\/python "jax\[tpu\]==[\d.]+" flax==[^#]+$/) });
  // For all workers at once it stands in the documentation.
  expect(readFileSync(new URL("../../docs/cloud-tpus.md", import.meta.url), "utf8")).toContain(`--command='${found!.command}'`);
  // Another path is no environment that could be made.
  expect(findings({ ...host, python: "/opt/python", tpu: worker }, bare)[0]!.command).toBeNull();
});

test.each<[string, SlurmEngine, (typeof good)["slurm"], string | null]>([
  ["no sbatch", { kind: "slurm", options: [] }, null, "sbatch is not on the PATH of a login to tpu-0"],
  ["a controller that is down", { kind: "slurm", options: [] }, { version: "22.05.8", partitions: [] }, "Slurm on tpu-0 names no partition"],
  ["a partition that is not there", { kind: "slurm", partition: "gpu,main", options: [] }, { version: "22.05.8", partitions: [partition] }, "Slurm on tpu-0 has no partition gpu."],
  ["no default partition", { kind: "slurm", options: [] }, { version: "22.05.8", partitions: [partition] }, "Slurm on tpu-0 has no default partition."],
  ["all there", { kind: "slurm", partition: "main", options: [] }, { version: "22.05.8", partitions: [partition] }, null],
])("of a host that hands its runs to Slurm: %s", (_, engine, slurm, message) => {
  const found = findings({ ...host, engine }, { ...good, slurm });
  expect(found.map((one) => one.message)).toEqual(message === null ? [] : [expect.stringContaining(message)]);
});

test.each<[string, Partial<RayEngine>, (typeof good)["ray"], string | null, RegExp]>([
  ["no Python to ask with", {}, null, null, /./],
  ["nothing there", {}, { ...ray, problem: "Nothing listens at http://127.0.0.1:8265, by which tpu-0 was to reach Ray." }, "Nothing listens at http://127.0.0.1:8265", /Start Ray's head node there, or correct the address/],
  ["no token", {}, { ...ray, problem: "Ray at http://127.0.0.1:8265 wants a token, and there is none on tpu-0." }, "wants a token", /~\/\.ray\/auth_token/],
  ["no node", {}, { ...ray, nodes: 0, resources: [] }, "Ray on tpu-0 has no node that is alive.", /./],
  ["more than a node has", { gpus: 8, resources: { TPU: 4 } }, ray, "No node of Ray has 8 GPU for a run; the most is 4.", /Ask for less/],
  ["what no node has", { resources: { shelf: 1 } }, ray, "No node of Ray has 1 shelf for a run; the most is 0.", /Ask for less/],
  ["all there", { cpus: 8, gpus: 4, resources: { TPU: 4 } }, ray, null, /./],
])("of a host that hands its runs to Ray: %s", (_, asked, found, message, remedy) => {
  const said = findings({ ...host, engine: RayEngine.parse({ kind: "ray", ...asked }) }, { ...good, ray: found });
  expect(said.map((one) => [one.message, one.remedy])).toEqual(message === null ? [] : [[expect.stringContaining(message), expect.stringMatching(remedy)]]);
});

test.each([["--output=x", false], ["--outp=x", false], ["--wrap=rm", false], ["--array=1-9", false], ["-p", false], ["gpu", false], ["--gres=gpu:8", true], ["--time=1:00:00", true], ["--exclusive", true], ["--wait-all-nodes=1", true], ["--comment=a b", true]])(
  "%s as an option of sbatch is taken: %s", (option, taken) => expect(SlurmEngine.safeParse({ kind: "slurm", options: [option] }).success).toBe(taken));

test.each([
  ["http://127.0.0.1:8265", true], ["https://ray.example.org/team-1/ray/", true], ["http://[::1]:8265", true], ["127.0.0.1:8265", false], ["ray://head:10001", false], ["http://head:8265?x=1", false], ["http://me@head:8265", false], ["http://head:8265 ", false],
])("%s as an address of Ray is taken: %s", (address, taken) => expect(RayEngine.safeParse({ kind: "ray", address }).success).toBe(taken));
