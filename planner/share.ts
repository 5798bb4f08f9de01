// What one device of a mesh holds and computes.
import { bytesOfCompute, optimizerBytes, placesOf, sharesUpdates } from "../contract/consequences.ts";
import { modelCounts, type Facts, type ModelCounts, type StackCounts } from "../contract/modelCounts.ts";
import type { RunSpec } from "../contract/runSpec.ts";
import type { Mesh } from "./mesh.ts";

/** Bytes on one device. */
export interface DeviceMemory {
  parameters: number;
  gradients: number;
  optimizer: number;
  activations: number;
  /** Inputs and outputs of experts, [experts, places, d_model] in each sparse layer, and what the all-to-all has in flight. */
  expertBuffers: number;
  total: number;
}
export interface StackShare {
  counts: StackCounts;
  /** Places of all experts for the device's tokens in one sparse layer: experts × capacity × groups. As many come in from other devices as go out. */
  places: number;
}
export interface Share {
  counts: ModelCounts;
  /** Sequences of a step. */
  rows: number;
  stacks: StackShare[];
  /** Parameters held: replicated or split over `model`, and those of experts. */
  parameters: { shared: number; experts: number };
  /** Parameters of them that this device updates, and keeps moments of. */
  updated: number;
  /** Forward and backward FLOPs of a step. */
  flops: number;
  memory: DeviceMemory;
}

/**
 * Places of all experts in a device's own buffer, for its rows of one stack. Counted by sequence or rank they are those of its rows. Counted
 * over the whole batch an expert's places may all be taken by one device, so each keeps as many, or one for each of its tokens.
 * Expert capacity: Switch Transformer eq. 3.
 */
function placesOfRows({ model, training }: RunSpec, { tokens, sparseLayers }: StackCounts, ranks: number): number {
  const { sparse } = model;
  if (!sparse || sparseLayers.length === 0) return 0;
  const rows = training.batchSize / ranks, places = (group: number) => placesOf(sparse, group, sparse.capacityFactor.training);
  if (sparse.capacityGroup === "sequence") return sparse.experts * places(tokens) * rows;
  return sparse.experts * (sparse.capacityGroup === "rank" ? places(tokens * rows) : Math.min(places(tokens * training.batchSize), tokens * rows));
}

/**
 * One device's part of a step. The mesh must fit the spec (`refusal` is null). `emptyPlaces` says whether experts multiply places that no
 * token took: the engine does on GPUs, where shapes are static, and does not on a CPU.
 */
export function shareOf(spec: RunSpec, facts: Facts, mesh: Mesh, emptyPlaces = true): Share {
  const { model, training } = spec, counts = modelCounts(spec, facts), ranks = mesh.data * mesh.expert, rows = training.batchSize / ranks;
  const bytes = bytesOfCompute(model.precision), matrices = counts.feedForward / (model.dModel * model.dFf);
  const stacks = counts.stacks.map((stack): StackShare => ({ counts: stack, places: placesOfRows(spec, stack, ranks) }));
  const parameters = { shared: counts.embedding, experts: 0 };
  let forward = rows * counts.ends, activations = 0, kept = 0, inFlight = 0;
  for (const { counts: { layers, tokens, sparseLayers, parameters: held, flops, kept: values }, places } of stacks) {
    parameters.shared += held.router + held.norm + (held.attention + held.positions + held.dense) / mesh.model;
    parameters.experts += held.experts / (mesh.expert * mesh.model);
    const slots = sparseLayers.length * places, multiplied = emptyPlaces ? slots : Math.min(slots, sparseLayers.length * rows * tokens * counts.met);
    forward += rows * ((flops.attention + flops.memory + flops.scores + flops.dense) / mesh.model + flops.router + flops.head) + multiplied * 2 * counts.feedForward / mesh.model;
    const hidden = (rows * values.hidden * (layers - sparseLayers.length) / layers + slots * matrices * model.dFf) / mesh.model;
    activations += (rows * (values.stream + (values.heads + values.scores) / mesh.model) + hidden) * bytes + rows * values.logits * 4;
    kept += 2 * slots * model.dModel * bytes;
    // One layer's exchange at a time: what is sent and what is received.
    if (mesh.expert > 1) inFlight = Math.max(inFlight, 2 * places * model.dModel * bytes);
  }
  const held = parameters.shared + parameters.experts, expertBuffers = kept + inFlight;
  const updated = sharesUpdates(training.optimizer) ? parameters.shared / ranks + parameters.experts / mesh.data : held, optimizer = updated * optimizerBytes(training.optimizer.kind);
  return {
    counts, rows, stacks, parameters, updated, flops: 3 * forward,
    memory: { parameters: 4 * held, gradients: 4 * held, optimizer, activations, expertBuffers, total: 8 * held + optimizer + activations + expertBuffers },
  };
}
