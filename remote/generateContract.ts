// What the JAX trainer knows of the contract: node remote/generateContract.ts writes it beside the trainer, where no TypeScript runs.
import { writeFileSync } from "node:fs";
import { CAPACITY_FACTOR_GRID } from "../contract/events.ts";
import { JAX_TRAINER_LIMITS } from "../contract/remoteTrainer.ts";
import { OptimizerSpec, RunSpec } from "../contract/runSpec.ts";

export const CONTRACT_FILE = new URL("switchyard_jax/contract.json", import.meta.url);

/** Defaults that a spec written by hand may leave out, and what is refused. */
export const contractText = (): string => `${JSON.stringify({
  defaults: RunSpec.parse({}),
  optimizers: { adamw: OptimizerSpec.parse({ kind: "adamw" }), adafactor: OptimizerSpec.parse({ kind: "adafactor" }) },
  limits: JAX_TRAINER_LIMITS,
  capacityFactorGrid: CAPACITY_FACTOR_GRID,
}, null, 2)}\n`;

if (import.meta.main) writeFileSync(CONTRACT_FILE, contractText());
