// What was done to runs and can be taken back, and done again.

export interface Deed {
  /** What was done, in the past tense, to end a sentence: "deleted sample-8e". */
  name: string;
  undo: () => Promise<unknown>;
  redo: () => Promise<unknown>;
}

const MAX_DEEDS = 100;

export class UndoStack {
  #done: Deed[] = [];
  #undone: Deed[] = [];
  #busy = false;

  get undoable(): string | null {
    return this.#done.at(-1)?.name ?? null;
  }
  get redoable(): string | null {
    return this.#undone.at(-1)?.name ?? null;
  }

  /** Does it now; only what succeeds can be taken back. */
  async run(deed: Deed): Promise<void> {
    await deed.redo();
    this.#done = [...this.#done, deed].slice(-MAX_DEEDS);
    this.#undone = [];
  }

  /** Takes back the newest deed. What fails stays where it was, and the failure is thrown. */
  undo(): Promise<void> {
    return this.#move(() => this.#done, () => this.#undone, (deed) => deed.undo());
  }
  redo(): Promise<void> {
    return this.#move(() => this.#undone, () => this.#done, (deed) => deed.redo());
  }

  async #move(from: () => Deed[], to: () => Deed[], act: (deed: Deed) => Promise<unknown>): Promise<void> {
    const deed = from().at(-1);
    if (!deed || this.#busy) return;
    this.#busy = true;
    try {
      await act(deed);
      from().pop();
      to().push(deed);
    } finally {
      this.#busy = false;
    }
  }
}

export const undoStack = new UndoStack();
