// What the losses and the routers say that deserves a person's attention, each said once an episode: it is raised again
// only after it has cleared. What was seen so far is part of a checkpoint, so that a resumed run says the same.
import { z } from "zod";
import type { LayerRouting, StepResult } from "../native/switchyard.d.ts";
import type { AlertEvent } from "../contract/events.ts";

export const THRESHOLDS = {
  /** Recorded steps over which loads are added up and drops averaged. Single batches vary too much to be worth an alert. */
  window: 20,
  /** Dead under this part of the fair share; alive again above the second. */
  dead: [0.1, 0.2],
  /** Collapse: one of more than two experts takes over this share of a layer's tokens at a step; cleared below the second. */
  collapse: [0.8, 0.6],
  /** Largest load ÷ mean load, over the window. */
  overload: [4, 3],
  /** Dropped fraction of a layer's tokens, mean over the window. */
  drop: [0.3, 0.2],
  /** Loss above its running mean by this many standard deviations, and by 20%. */
  spike: [6, 3],
  /** Losses that the running mean is made of before it is trusted. */
  spikeAfter: 50,
} as const;

export type NewAlert = Omit<AlertEvent, "v" | "attempt" | "seq" | "t">;

const count = z.int().min(0);
/** What was seen so far, as a checkpoint keeps it. */
export const AlertState = z.object({
  v: z.literal(1), mean: z.number(), variance: z.number(), losses: count, raised: z.array(z.string().max(100)).max(10_000), deadExperts: count,
  layers: z.array(z.object({ key: z.string().max(100), loads: z.array(z.array(z.number()).max(4096)).max(THRESHOLDS.window), dropped: z.array(z.number()).max(THRESHOLDS.window), dead: z.array(count).max(4096) })).max(2000),
});
export type AlertState = z.output<typeof AlertState>;
interface LayerWindow { loads: number[][]; dropped: number[]; dead: Set<number> }

/** An alert of the run as a whole. */
export const runAlert = (step: number, level: NewAlert["level"], code: NewAlert["code"], message: string): NewAlert =>
  ({ kind: "alert", step, level, code, message, stack: null, layer: null, expert: null });

export class Alerts {
  readonly #layers = new Map<string, LayerWindow>();
  readonly #raised: Set<string>;
  #mean: number;
  #variance: number;
  #losses: number;
  /** Experts under the dead threshold over the window, all layers. */
  deadExperts: number;

  constructor(from?: AlertState) {
    this.#raised = new Set(from?.raised);
    this.#mean = from?.mean ?? 0;
    this.#variance = from?.variance ?? 0;
    this.#losses = from?.losses ?? 0;
    this.deadExperts = from?.deadExperts ?? 0;
    for (const { key, loads, dropped, dead } of from?.layers ?? []) this.#layers.set(key, { loads: loads.map((load) => [...load]), dropped: [...dropped], dead: new Set(dead) });
  }

  state(): AlertState {
    return {
      v: 1, mean: this.#mean, variance: this.#variance, losses: this.#losses, raised: [...this.#raised], deadExperts: this.deadExperts,
      layers: [...this.#layers].map(([key, { loads, dropped, dead }]) => ({ key, loads, dropped, dead: [...dead] })),
    };
  }

  /** Judges one finished step. */
  observe({ step, loss, routing }: Pick<StepResult, "step" | "loss" | "routing">): NewAlert[] {
    const alerts: NewAlert[] = [];
    this.#spike(step, loss, alerts);
    if (routing) {
      this.deadExperts = 0;
      for (const layer of routing) this.#layer(step, layer, alerts);
    }
    return alerts;
  }

  /** True once when `value` rises above `high`; again only after it fell below `low`. */
  #rises(key: string, value: number, [high, low]: readonly [number, number]): boolean {
    if (value < low) this.#raised.delete(key);
    if (value <= high || this.#raised.has(key)) return false;
    this.#raised.add(key);
    return true;
  }

  #spike(step: number, loss: number, alerts: NewAlert[]): void {
    const deviation = Math.sqrt(this.#variance);
    if (this.#losses >= THRESHOLDS.spikeAfter && loss > this.#mean * 1.2 && this.#rises("spike", (loss - this.#mean) / Math.max(deviation, 1e-6), THRESHOLDS.spike))
      alerts.push(runAlert(step, "warning", "spike", `The loss jumped to ${loss.toFixed(3)} from a running mean of ${this.#mean.toFixed(3)}.`));
    else if (loss <= this.#mean * 1.1) this.#raised.delete("spike");
    const weight = Math.max(0.02, 1 / ++this.#losses), difference = loss - this.#mean;
    this.#mean += weight * difference;
    this.#variance = (1 - weight) * (this.#variance + weight * difference * difference);
  }

  #layer(step: number, routing: LayerRouting, alerts: NewAlert[]): void {
    const { stack, layer, experts, load, tokens, dropped, capacity, groups } = routing, key = `${stack} ${layer}`;
    const name = `${stack} layer ${layer}`;
    const raise = (code: NewAlert["code"], message: string, expert: number | null = null): void => {
      alerts.push({ kind: "alert", step, level: "warning", code, stack, layer, expert, message });
    };
    const window = this.#layers.get(key) ?? { loads: [], dropped: [], dead: new Set() };
    this.#layers.set(key, window);
    window.loads.push(load);
    // A capacity factor below 1 has no place for some tokens, whatever the router does: that is meant.
    window.dropped.push(dropped - Math.max(0, 1 - experts * capacity * groups / Math.max(tokens, 1)));
    if (window.loads.length > THRESHOLDS.window) {
      window.loads.shift();
      window.dropped.shift();
    }
    const full = window.loads.length === THRESHOLDS.window, during = `over the last ${THRESHOLDS.window} recorded steps`;
    const sums = load.map((_, e) => window.loads.reduce((sum, one) => sum + one[e]!, 0));
    const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    const fair = mean(sums), percent = (x: number, digits = 0): string => `${(100 * x).toFixed(digits)}%`;
    sums.forEach((sum, expert) => {
      if (sum < fair * THRESHOLDS.dead[0]) {
        this.deadExperts++;
        if (full && !window.dead.has(expert)) {
          window.dead.add(expert);
          raise("dead-expert", `Expert ${expert} of ${name} got ${percent(sum / fair, 1)} of its fair share ${during}.`, expert);
        }
      } else if (sum > fair * THRESHOLDS.dead[1]) window.dead.delete(expert);
    });
    if (tokens === 0) return;
    const largest = Math.max(...load), busiest = load.indexOf(largest);
    // An expert's fair share of the tokens grows with their choices.
    const choices = load.reduce((a, b) => a + b, 0) / tokens;
    if (experts > 2 * choices && this.#rises(`collapse ${key}`, largest / tokens, THRESHOLDS.collapse)) raise("collapse", `Expert ${busiest} of ${name} takes ${percent(largest / tokens)} of all tokens.`, busiest);
    if (!full) return;
    const most = Math.max(...sums), expert = sums.indexOf(most), drop = mean(window.dropped);
    if (this.#rises(`overload ${key}`, most / fair, THRESHOLDS.overload)) raise("overload", `Expert ${expert} of ${name} got ${(most / fair).toFixed(1)} times the mean load ${during}.`, expert);
    if (this.#rises(`drop ${key}`, drop, THRESHOLDS.drop)) raise("drop-rate", `${percent(drop)} of the tokens of ${name} were dropped ${during}${capacity * experts * groups < tokens ? ", beyond those that there is no place for" : ""}; a larger capacity factor keeps more.`);
  }
}
