// What deserves a person's attention, each said once an episode: it is raised again only after it has cleared.
import type { LayerRouting, StepResult } from "../native/switchyard.d.ts";
import type { AlertEvent } from "../contract/events.ts";

export const THRESHOLDS = {
  /** Recorded steps over which an expert's load is added up. */
  window: 20,
  /** Dead under this part of the fair share; alive again above the second. */
  dead: [0.1, 0.2],
  /** Collapse: one expert takes this share of a layer's tokens; cleared below the second (and at least twice its fair share). */
  collapse: [0.8, 0.6],
  /** Largest load ÷ mean load. */
  overload: [4, 3],
  /** Dropped fraction of a layer's tokens. */
  drop: [0.3, 0.2],
  /** Loss above its running mean by this many standard deviations, and by 20%. */
  spike: [6, 3],
} as const;

export type NewAlert = Omit<AlertEvent, "v" | "attempt" | "seq" | "t">;
interface LayerWindow { loads: number[][]; dead: Set<number> }

export class Alerts {
  readonly #layers = new Map<string, LayerWindow>();
  readonly #raised = new Set<string>();
  #mean = 0;
  #variance = 0;
  #losses = 0;
  /** Experts under the dead threshold over the window, all layers. */
  deadExperts = 0;

  /** Judges one finished step. */
  observe({ step, loss, routing }: StepResult): NewAlert[] {
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
    if (this.#losses >= 50 && loss > this.#mean * 1.2 && this.#rises("spike", (loss - this.#mean) / Math.max(deviation, 1e-6), THRESHOLDS.spike))
      alerts.push({ kind: "alert", step, level: "warning", code: "spike", stack: null, layer: null, expert: null, message: `The loss jumped to ${loss.toFixed(3)} from a running mean of ${this.#mean.toFixed(3)}.` });
    else if (loss <= this.#mean * 1.1) this.#raised.delete("spike");
    const weight = Math.max(0.02, 1 / ++this.#losses), difference = loss - this.#mean;
    this.#mean += weight * difference;
    this.#variance = (1 - weight) * (this.#variance + weight * difference * difference);
  }

  #layer(step: number, routing: LayerRouting, alerts: NewAlert[]): void {
    const { stack, layer, experts, load, tokens, dropped } = routing, key = `${stack} ${layer}`;
    const name = `${stack} layer ${layer}`;
    const raise = (code: NewAlert["code"], message: string, expert: number | null = null): void => {
      alerts.push({ kind: "alert", step, level: "warning", code, stack, layer, expert, message });
    };
    const window = this.#layers.get(key) ?? { loads: [], dead: new Set() };
    this.#layers.set(key, window);
    window.loads.push(load);
    if (window.loads.length > THRESHOLDS.window) window.loads.shift();
    const sums = load.map((_, e) => window.loads.reduce((sum, one) => sum + one[e]!, 0));
    const fair = sums.reduce((a, b) => a + b, 0) / experts;
    const largest = Math.max(...load), busiest = load.indexOf(largest), percent = (x: number): string => `${(100 * x).toFixed(0)}%`;
    sums.forEach((sum, expert) => {
      if (sum < fair * THRESHOLDS.dead[0]) {
        this.deadExperts++;
        if (window.loads.length === THRESHOLDS.window && !window.dead.has(expert)) {
          window.dead.add(expert);
          raise("dead-expert", `Expert ${expert} of ${name} got ${percent(sum / fair)} of its fair share over the last ${THRESHOLDS.window} recorded steps.`, expert);
        }
      } else if (sum > fair * THRESHOLDS.dead[1]) window.dead.delete(expert);
    });
    if (tokens === 0) return;
    if (experts > 2 && this.#rises(`collapse ${key}`, largest / tokens, THRESHOLDS.collapse)) raise("collapse", `Expert ${busiest} of ${name} takes ${percent(largest / tokens)} of all tokens.`, busiest);
    if (this.#rises(`overload ${key}`, largest * experts / tokens, THRESHOLDS.overload)) raise("overload", `Expert ${busiest} of ${name} gets ${(largest * experts / tokens).toFixed(1)} times the mean load.`, busiest);
    if (this.#rises(`drop ${key}`, dropped, THRESHOLDS.drop)) raise("drop-rate", `${percent(dropped)} of the tokens of ${name} are dropped; a larger capacity factor keeps more.`);
  }
}
