// Routing of one layer over time, live and bounded: neighbours are added up when there are too many. Every ratio shown is
// of sums over tokens, so adding up changes no meaning and loses no dropped token.
import type { RoutingHistory, RoutingRow } from "../../contract/handlers.ts";

export interface HistoryStep {
  /** The last step of those added up. */
  step: number;
  experts: number;
  capacity: number;
  groups: number;
  tokens: number;
  load: number[];
  kept: number[];
  probability: number[];
  entropy: number;
  confidence: number;
  dropped: number;
  auxiliaryLoss: number;
}

const add = (a: readonly number[], b: readonly number[]): number[] => a.map((value, i) => value + (b[i] ?? 0));
const weighted = (a: number, b: number, weightA: number, weightB: number): number =>
  !Number.isFinite(a) ? b : !Number.isFinite(b) ? a : (a * weightA + b * weightB) / (weightA + weightB || 1);

function joined(a: HistoryStep, b: HistoryStep): HistoryStep {
  return {
    step: b.step, experts: b.experts, capacity: Math.max(a.capacity, b.capacity), groups: a.groups + b.groups, tokens: a.tokens + b.tokens,
    load: add(a.load, b.load), kept: add(a.kept, b.kept), probability: add(a.probability, b.probability),
    entropy: weighted(a.entropy, b.entropy, a.tokens, b.tokens),
    confidence: weighted(a.confidence, b.confidence, a.tokens, b.tokens),
    dropped: weighted(a.dropped, b.dropped, a.tokens, b.tokens),
    auxiliaryLoss: weighted(a.auxiliaryLoss, b.auxiliaryLoss, a.tokens, b.tokens),
  };
}

export class HistoryBuffer {
  steps: HistoryStep[] = [];
  /** Recorded steps in a full entry. */
  private perEntry = 1;
  private open = 0;
  private readonly limit: number;

  /** Holds at most `2 × points` entries. */
  constructor(points: number) {
    this.limit = Math.max(4, points * 2);
  }

  load(history: RoutingHistory): void {
    this.steps = history.step.map((step, i) => ({
      step, experts: history.experts, capacity: history.capacity[i]!, groups: history.groups[i]!, tokens: history.tokens[i]!,
      load: history.load[i]!, kept: history.kept[i]!, probability: history.probability[i]!,
      entropy: Number(history.entropy[i]), confidence: Number(history.confidence[i]), dropped: Number(history.dropped[i]), auxiliaryLoss: Number(history.auxiliaryLoss[i]),
    }));
    this.perEntry = history.reduced && this.steps.length > 0 ? Math.max(1, Math.round(history.count / this.steps.length)) : 1;
    this.open = this.perEntry;
  }

  append(row: RoutingRow): boolean {
    const last = this.steps.at(-1);
    if (last && row.step <= last.step) return false;
    const entry: HistoryStep = {
      step: row.step, experts: row.experts, capacity: row.capacity, groups: row.groups, tokens: row.tokens,
      load: row.load, kept: row.kept, probability: row.probability,
      entropy: Number(row.entropy), confidence: Number(row.confidence), dropped: Number(row.dropped), auxiliaryLoss: Number(row.auxiliaryLoss),
    };
    if (last && this.open < this.perEntry) {
      this.steps[this.steps.length - 1] = joined(last, entry);
      this.open++;
    } else {
      if (this.steps.length >= this.limit) this.halve();
      this.steps.push(entry);
      this.open = 1;
    }
    return true;
  }

  truncateAfter(step: number): void {
    this.steps = this.steps.filter((entry) => entry.step <= step);
    this.open = this.perEntry;
  }

  private halve(): void {
    const halved: HistoryStep[] = [];
    for (let i = 0; i + 1 < this.steps.length; i += 2) halved.push(joined(this.steps[i]!, this.steps[i + 1]!));
    if (this.steps.length % 2 === 1) halved.push(this.steps.at(-1)!);
    this.steps = halved;
    this.perEntry *= 2;
    this.open = this.perEntry;
  }
}
