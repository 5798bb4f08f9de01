// A TPU in words and signs.
import type { Tpu, TpuPhase, TpuTier } from "../../contract/tpus.ts";

export const GLYPHS: Record<TpuPhase, string> = { waiting: "◌", starting: "◌", ready: "●", leaving: "◌", ended: "✕", unknown: "?" };
export const TIERS: Record<TpuTier, string> = { "on-demand": "on demand", spot: "spot", reserved: "reserved" };

/** Something will be otherwise before long. */
export const isMoving = ({ phase }: Pick<Tpu, "phase">): boolean => phase === "waiting" || phase === "starting" || phase === "leaving";
