// Accelerators as their makers describe them. All figures are dense (no structured sparsity), of one device, in decimal units.

export interface Device {
  id: string;
  name: string;
  /** Matrix products, FLOP/s. fp32 is without TF32, which the engine leaves off; bf16 adds up in fp32. */
  peak: { fp32: number; bf16: number };
  /** Bytes. */
  memory: number;
  /** Bytes a second. */
  memoryBandwidth: number;
  /** Devices that `link` joins; more of them reach each other by `network`. */
  node: number;
  /** Bytes a second that a device sends to others of its node: one direction, all of its links together. */
  link: number;
  /** Bytes a second that a device sends to other nodes. */
  network: number;
  source: string;
  /** Experts multiply only the places that tokens took. */
  skipsEmptyPlaces?: boolean;
}

const TERA = 1e12, GIGA = 1e9;

/** NVIDIA with NVLink, eight to a node; the datasheets give NVLink in both directions together, here it is halved. */
const nvlink = (id: string, name: string, [fp32, bf16]: [number, number], memory: number, memoryBandwidth: number, link: number, network: number, source: string): Device =>
  ({ id, name, peak: { fp32: fp32 * TERA, bf16: bf16 * TERA }, memory: memory * GIGA, memoryBandwidth: memoryBandwidth * GIGA, node: 8, link: link * GIGA, network: network * GIGA, source });

/** GeForce: PCIe alone, here up to four in a workstation; 100 Gbit/s Ethernet shared by them is an assumption. */
const geforce = (id: string, name: string, [fp32, bf16]: [number, number], memory: number, memoryBandwidth: number, link: number, source: string): Device =>
  ({ id, name, peak: { fp32: fp32 * TERA, bf16: bf16 * TERA }, memory: memory * GIGA, memoryBandwidth: memoryBandwidth * GIGA, node: 4, link: link * GIGA, network: 12.5 / 4 * GIGA, source });

/**
 * A TPU chip. A node is a pod, joined by ICI; between pods goes the data centre's network. The makers name bf16 alone: XLA makes an fp32
 * product (Precision.HIGHEST) of six bf16 ones.
 */
const tpu = (id: string, name: string, bf16: number, memory: number, memoryBandwidth: number, pod: number, link: number, network: number, source: string): Device =>
  ({ id, name, peak: { fp32: bf16 / 6 * TERA, bf16: bf16 * TERA }, memory, memoryBandwidth: memoryBandwidth * GIGA, node: pod, link: link * GIGA, network: network * GIGA, source });

export const DEVICES: readonly Device[] = [
  nvlink("a100-40", "A100 40 GB", [19.5, 312], 40, 1555, 300, 25,
    "NVIDIA A100 Tensor Core GPU datasheet, SXM: 312 TFLOP/s bf16, 19.5 fp32, 1,555 GB/s, NVLink 600 GB/s; DGX A100: one 200 Gbit/s adapter a GPU"),
  nvlink("a100-80", "A100 80 GB", [19.5, 312], 80, 2039, 300, 25,
    "NVIDIA A100 Tensor Core GPU datasheet, SXM: 312 TFLOP/s bf16, 19.5 fp32, 2,039 GB/s, NVLink 600 GB/s; DGX A100: one 200 Gbit/s adapter a GPU"),
  nvlink("h100", "H100 80 GB", [67, 989], 80, 3350, 450, 50,
    "NVIDIA H100 Tensor Core GPU datasheet, SXM: 1,979 TFLOP/s bf16 with sparsity, 67 fp32, 3.35 TB/s, NVLink 900 GB/s; DGX H100: one 400 Gbit/s adapter a GPU"),
  nvlink("h200", "H200 141 GB", [67, 989], 141, 4800, 450, 50,
    "NVIDIA H200 Tensor Core GPU datasheet, SXM: 1,979 TFLOP/s bf16 with sparsity, 67 fp32, 4.8 TB/s, NVLink 900 GB/s; DGX H200: one 400 Gbit/s adapter a GPU"),
  nvlink("b200", "B200 180 GB", [75, 2250], 180, 8000, 900, 50,
    "NVIDIA HGX B200 and DGX B200 datasheets, an eighth of: 36 PFLOP/s bf16 with sparsity, 600 TFLOP/s fp32, 1,440 GB, 64 TB/s; NVLink 1.8 TB/s; one 400 Gbit/s adapter a GPU"),
  geforce("rtx-4090", "GeForce RTX 4090 24 GB", [82.6, 165.2], 24, 1008, 31.5,
    "NVIDIA Ada GPU Architecture whitepaper, appendix A: 165.2 TFLOP/s bf16 with fp32 sums, 82.6 fp32, 1,008 GB/s; PCIe 4.0 x16"),
  geforce("rtx-5090", "GeForce RTX 5090 32 GB", [104.8, 209.5], 32, 1792, 63,
    "NVIDIA RTX Blackwell GPU Architecture whitepaper, appendix: 209.5 TFLOP/s bf16 with fp32 sums, 104.8 fp32, 1,792 GB/s; PCIe 5.0 x16"),
  tpu("tpu-v3", "TPU v3", 123, 32 * 2 ** 30, 900, 1024, 328, 3.1,
    "Google Cloud, TPU v3: 123 TFLOP/s, 32 GiB, 900 GB/s; links 4 × 656 Gbit/s, “A domain-specific supercomputer for training deep neural networks” (2020); 25 Gbit/s a chip between pods is an assumption"),
  tpu("tpu-v4", "TPU v4", 275, 32 * 2 ** 30, 1200, 4096, 300, 6.25,
    "Google Cloud, TPU v4: 275 TFLOP/s, 32 GiB, 1,200 GB/s; links 6 × 50 GB/s, “TPU v4” (2304.01433); 50 Gbit/s a chip between pods is an assumption"),
  tpu("tpu-v5e", "TPU v5e", 197, 16 * GIGA, 819, 256, 200, 3.1,
    "Google Cloud, TPU v5e: 197 TFLOP/s, 16 GB, 819 GB/s, ICI 400 GB/s in both directions, 6.4 Tbit/s between pods"),
  tpu("tpu-v5p", "TPU v5p", 459, 95 * GIGA, 2765, 8960, 600, 6.25,
    "Google Cloud, TPU v5p: 459 TFLOP/s, 95 GB, 2,765 GB/s, ICI 1,200 GB/s in both directions, 50 Gbit/s a chip between pods"),
  tpu("tpu-v6e", "TPU v6e", 918, 32 * GIGA, 1638, 256, 400, 12.5,
    "Google Cloud, TPU v6e: 918 TFLOP/s, 32 GB, 1,638 GB/s, ICI 800 GB/s in both directions; 100 Gbit/s a chip between pods is an assumption"),
];

/** The CPU of this machine, by rates measured on it. Ranks on it would share its cores, so it is one device and has no link. */
export const measuredCpu = (name: string, memory: number, rates: { fp32: number; bf16: number; memoryBandwidth: number }): Device => ({
  id: "cpu", name, peak: { fp32: rates.fp32, bf16: rates.bf16 }, memory, memoryBandwidth: rates.memoryBandwidth, node: 1, link: rates.memoryBandwidth, network: rates.memoryBandwidth, source: "Measured on this machine", skipsEmptyPlaces: true,
});

/** A device that a person describes: its rates are taken for both precisions, and its link joins all of them. */
export const ownDevice = (figures: { peak: number; memory: number; memoryBandwidth: number; link: number }): Device => ({
  id: "own", name: "Own device", peak: { fp32: figures.peak, bf16: figures.peak }, memory: figures.memory, memoryBandwidth: figures.memoryBandwidth,
  node: Infinity, link: figures.link, network: figures.link, source: "Given by the person",
});
