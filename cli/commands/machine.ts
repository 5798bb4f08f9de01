// devices, serve, doctor, version: this machine and this installation.
import { readDevices } from "../../backend/devices.ts";
import { homeAt } from "../../backend/home.ts";
import { VERSION } from "../../backend/version.ts";
import { parsePort, RENDERER, serve as serveHome } from "../../backend/serve.ts";
import { peersInWords } from "../../contract/localGpus.ts";
import { UsageError, type Command } from "../commandLine.ts";
import { print } from "../print.ts";
import { format } from "../table.ts";

const DOCTOR = new URL("../../scripts/doctor.mjs", import.meta.url).href;
interface Check { name: string; ok: boolean; detail: string; remedy: string | null }

const gibibytes = (bytes: number) => `${format(bytes / 2 ** 30)} GiB`;

const devices: Command = {
  name: "devices", positional: [], about: "Show CPU and GPUs.", options: {},
  async run({ json }) {
    const found = await readDevices();
    const { cpu, gpus, cuda } = found;
    print(json, found, [
      `CPU   ${cpu.name}, ${cpu.physicalCores} cores, ${cpu.logicalCores} threads, ${gibibytes(cpu.memoryAvailableBytes)} of ${gibibytes(cpu.memoryBytes)} free`,
      `      ${cpu.instructionSets.join(" ")}`,
      ...gpus.flatMap((gpu) => [`GPU ${gpu.index} ${gpu.name}, ${gibibytes(gpu.memoryBytes - gpu.memoryUsedBytes)} of ${gibibytes(gpu.memoryBytes)} free, ${format(gpu.utilization)} % busy, ${format(gpu.temperature)} °C, ${format(gpu.power)} W${gpu.usable ? "" : ", not usable"}`, ...(peersInWords(gpu) ? [`      reaches ${peersInWords(gpu)}`] : [])]),
      `CUDA  ${cuda.available ? "available" : `not available${cuda.reason ? `: ${cuda.reason}` : ""}`} (libtorch ${cuda.libtorch})`,
    ].join("\n"));
    return 0;
  },
};

const serve: Command = {
  name: "serve", positional: [], about: "Serve the interface on 127.0.0.1, for a browser or an SSH tunnel.",
  details: "Prints one line of JSON with the link to open and runs until it is told to end. Through SSH: choose a port here, then ssh -L PORT:127.0.0.1:PORT.",
  options: { port: { value: "N", about: "Port (default: any free one)." }, renderer: { value: "DIR", about: "Folder of the built interface." } },
  async run({ value, home }) {
    let port: number;
    try {
      port = parsePort(value("port") ?? "0");
    } catch (error) {
      throw new UsageError((error as Error).message);
    }
    await serveHome({ home: homeAt(home), port, renderer: value("renderer") ?? RENDERER });
    return 0;
  },
};

const doctor: Command = {
  name: "doctor", positional: [], about: "Say what is installed, what is missing and how to fix it.", options: {},
  async run({ json }) {
    const { checkInstallation } = await import(DOCTOR) as { checkInstallation: () => Promise<Check[]> };
    const checks = await checkInstallation();
    print(json, checks, checks.map(({ name, ok, detail, remedy }) => `${ok ? "✓" : "✕"} ${name}: ${detail}${ok || !remedy ? "" : `\n  ${remedy}`}`).join("\n"));
    return checks.every(({ ok }) => ok) ? 0 : 1;
  },
};

const version: Command = {
  name: "version", positional: [], about: "Say which version this is.", options: {},
  async run({ json }) {
    print(json, { version: VERSION }, `Switchyard ${VERSION}`);
    return 0;
  },
};

export const machineCommands: readonly Command[] = [devices, serve, doctor, version];
