// What devices of a mesh send each other in a step, and for how long.
import { bytesOfCompute, sharesUpdates } from "../contract/consequences.ts";
import type { RunSpec } from "../contract/runSpec.ts";
import type { Device } from "./devices.ts";
import type { Mesh } from "./mesh.ts";
import type { Share } from "./share.ts";

export const COLLECTIVES = {
  gradients: { name: "Gradients, summed over data × expert", about: "Gradients of all parameters but experts, in fp32, once a step." },
  expertGradients: { name: "Expert gradients, summed over data", about: "Gradients of the experts that a device holds, in fp32, once a step." },
  weights: { name: "Weights, all-gather over data × expert", about: "Updated parameters but experts, in fp32, once a step, where devices share the updates." },
  expertWeights: { name: "Expert weights, all-gather over data", about: "Updated experts, in fp32, once a step, where devices share the updates." },
  dispatch: { name: "Dispatch, all-to-all over expert", about: "Tokens to their experts in each sparse layer, and their gradients back." },
  combine: { name: "Combine, all-to-all over expert", about: "Outputs of experts back to their tokens in each sparse layer, and their gradients." },
  routing: { name: "Router logits, all-gather over data × expert", about: "Where places are counted over the whole batch, every device routes all of it." },
  activations: { name: "Activations, all-reduce over model", about: "Sums over heads and feed-forward columns: each layer's outputs forward, and the gradients of its inputs backward." },
} as const;
export type CollectiveId = keyof typeof COLLECTIVES;

export interface Collective {
  id: CollectiveId;
  kind: "all-reduce" | "reduce-scatter" | "all-to-all" | "all-gather";
  /** Devices that take part together. */
  ranks: number;
  /** Distance between the ranks of two neighbours in the group: how many of them share a node follows from it. */
  stride: number;
  /** Bytes that the operation is about, on each device, a step. */
  payload: number;
  /** Bytes that each device sends a step: a ring all-reduce sends 2(n − 1)/n of the payload, all others (n − 1)/n. */
  sent: number;
}

const collective = (id: CollectiveId, kind: Collective["kind"], ranks: number, stride: number, payload: number): Collective =>
  ({ id, kind, ranks, stride, payload, sent: (kind === "all-reduce" ? 2 : 1) * (ranks - 1) / ranks * payload });

/** Every collective of a step that has somebody to talk to and something to say. */
export function collectivesOf({ model: { sparse, ...model }, training: { optimizer } }: RunSpec, { stacks, rows, parameters }: Share, mesh: Mesh): Collective[] {
  const bytes = bytesOfCompute(model.precision), memoryTokens = stacks.find(({ counts }) => counts.stack === "encoder")?.counts.tokens ?? 0;
  let exchanged = 0, reduced = 0, routed = 0;
  for (const { counts: { layers, tokens, cross, sparseLayers }, places } of stacks) {
    const stream = rows * tokens;
    // Dispatch and combine each go once forward and once backward.
    exchanged += 2 * sparseLayers.length * places;
    // Outputs forward and gradients of inputs backward: attention, cross-attention and feed-forward (of experts after combine), and the
    // gradient of the encoder's output.
    reduced += 2 * layers * stream * (cross ? 3 : 2) + (cross ? layers * rows * memoryTokens : 0);
    // Hashing needs each token's id alone.
    if (sparse?.capacityGroup === "batch") routed += sparseLayers.length * stream * (sparse.routing === "hash" ? 8 : sparse.experts * (model.precision === "bf16" ? 2 : 4));
  }
  const width = model.dModel * bytes, shared = sharesUpdates(optimizer), sum = shared ? "reduce-scatter" : "all-reduce";
  return [
    collective("gradients", sum, mesh.data * mesh.expert, mesh.model, 4 * parameters.shared),
    collective("expertGradients", sum, mesh.data, mesh.model * mesh.expert, 4 * parameters.experts),
    collective("weights", "all-gather", mesh.data * mesh.expert, mesh.model, shared ? 4 * parameters.shared : 0),
    collective("expertWeights", "all-gather", mesh.data, mesh.model * mesh.expert, shared ? 4 * parameters.experts : 0),
    collective("dispatch", "all-to-all", mesh.expert, mesh.model, exchanged * width),
    collective("combine", "all-to-all", mesh.expert, mesh.model, exchanged * width),
    collective("routing", "all-gather", mesh.data * mesh.expert, mesh.model, routed * mesh.data * mesh.expert),
    collective("activations", "all-reduce", mesh.model, 1, reduced * width),
  ].filter(({ sent }) => sent > 0);
}

/**
 * Seconds a collective takes by bandwidth alone. Inside a node all goes over its link. Beyond it a ring leaves each node once, over the
 * network of all of its members there; an all-to-all sends what is meant for other nodes over each device's own.
 */
export function secondsOf({ kind, ranks, stride, sent }: Collective, device: Device, bandwidthEfficiency: number): number {
  const together = Math.min(ranks, Math.max(1, Math.floor(device.node / stride)));
  const link = device.link * bandwidthEfficiency, network = device.network * bandwidthEfficiency;
  if (together === ranks) return sent / link;
  if (kind !== "all-to-all") return sent / Math.min(link, network * together);
  const away = sent * (ranks - together) / (ranks - 1);
  return Math.max(away / network, (sent - away) / link);
}
