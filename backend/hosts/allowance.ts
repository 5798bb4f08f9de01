// What may come in the long run, and at once: so much a second, saved up to a limit.
export class Allowance {
  readonly #perSecond: number;
  readonly #atOnce: number;
  #left: number;
  #at = performance.now();

  constructor(perSecond: number, atOnce: number) {
    this.#perSecond = perSecond;
    this.#atOnce = this.#left = atOnce;
  }

  /** Takes some of it, also when it is used up. Returns the milliseconds until it is made up for; 0 where there was enough. */
  take(amount: number): number {
    const now = performance.now();
    this.#left = Math.min(this.#atOnce, this.#left + ((now - this.#at) * this.#perSecond) / 1000) - amount;
    this.#at = now;
    return this.#left >= 0 ? 0 : (-this.#left * 1000) / this.#perSecond;
  }
}
