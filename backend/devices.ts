// The devices of this machine: the addon knows them; without it the CPU is described from /proc.
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import type { Devices } from "../contract/handlers.ts";
import type { CpuRates } from "../native/switchyard.d.ts";
import { fileStamp } from "./fileStamp.ts";

const NATIVE = new URL("../native/load.ts", import.meta.url).href;
/** Instruction sets that matter to the engine, as /proc/cpuinfo names them. */
const INSTRUCTION_SETS = ["sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_tile", "avx_vnni", "neon", "asimd", "sve"];

type NativeDevices = Omit<Devices, "cpu"> & { cpu: Omit<Devices["cpu"], "utilization"> };
interface Native { devices(): Promise<NativeDevices>; measureCpu(): Promise<CpuRates> }

const ADDON = fileURLToPath(new URL("../build/native/switchyard.node", import.meta.url));
/** A failed load is tried again when the addon has changed, and otherwise after this time: a library it needs may be there now. */
const RETRY_MILLISECONDS = 60_000;

let native: Promise<Native> | null = null;
let failed: { error: unknown; stamp: string | null; at: number; times: number } | null = null;
async function loadNative(): Promise<Native> {
  const stamp = fileStamp(ADDON);
  if (failed && failed.stamp === stamp && performance.now() - failed.at < RETRY_MILLISECONDS) throw failed.error;
  // A module that failed once fails for ever under its address, so each try has its own.
  native ??= (import(failed ? `${NATIVE}?retry=${failed.times}` : NATIVE) as Promise<Native>).catch((error: unknown) => {
    native = null;
    failed = { error, stamp, at: performance.now(), times: (failed?.times ?? 0) + 1 };
    throw error;
  });
  return native;
}

/** Facts about CPU and GPUs. Never rejects: without the addon it says why there are no GPUs. */
export async function readDevices(): Promise<Devices> {
  const utilization = cpuUtilization();
  try {
    const found = await (await loadNative()).devices();
    return { ...found, cpu: { ...found.cpu, utilization } };
  } catch (error) {
    return {
      cpu: { ...cpuFacts(), utilization }, gpus: [],
      cuda: { available: false, libtorch: "not loaded", reason: `The engine could not be loaded, so runs can be browsed but not trained: ${(error as Error).message.split("\n")[0]} Run npm start, or npm run -s switchyard -- doctor.` },
    };
  }
}

/** Rates of this CPU, measured in about a second. Rejects where the engine is not built. */
export const measureCpu = async (): Promise<CpuRates> => (await loadNative()).measureCpu();

function cpuFacts(): Omit<Devices["cpu"], "utilization"> {
  const info = readText("/proc/cpuinfo");
  const flags = new Set((/^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1] ?? "").split(" "));
  const cores = new Set(info.split("\n\n").map((block) => `${/^physical id\s*:\s*(\d+)/m.exec(block)?.[1] ?? 0}:${/^core id\s*:\s*(\d+)/m.exec(block)?.[1] ?? ""}`).filter((core) => !core.endsWith(":")));
  const available = /^MemAvailable:\s*(\d+) kB/m.exec(readText("/proc/meminfo"))?.[1];
  return {
    name: cpus()[0]?.model.trim() || "CPU", physicalCores: cores.size || cpus().length, logicalCores: availableParallelism(),
    memoryBytes: totalmem(), memoryAvailableBytes: available ? Number(available) * 1024 : freemem(),
    instructionSets: INSTRUCTION_SETS.filter((name) => flags.has(name)),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

let before = { busy: 0, total: 0 };
/** Percent of time all cores were busy since the last call; null at the first. */
function cpuUtilization(): number | null {
  const times = (/^cpu\s+(.*)$/m.exec(readText("/proc/stat"))?.[1] ?? "").split(" ").map(Number);
  if (times.length < 5) return null;
  // user nice system idle iowait irq softirq steal; guest time is inside user.
  const total = times.slice(0, 8).reduce((sum, time) => sum + time, 0);
  const busy = total - times[3]! - times[4]!;
  const last = before;
  before = { busy, total };
  return last.total === 0 || total <= last.total ? null : Math.max(0, Math.min(100, (100 * (busy - last.busy)) / (total - last.total)));
}
