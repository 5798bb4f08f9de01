// What was done to runs and can be taken back, and done again.
import { useSyncExternalStore } from "react";

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
  readonly #listeners = new Set<() => void>();
  /** The newest thing done or taken back, for the status bar; null before the first. */
  last: { text: string; undoable: boolean } | null = null;

  readonly subscribe = (changed: () => void): (() => void) => {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  };
  readonly snapshot = () => this.last;

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
    this.#say(deed.name, true);
  }

  /** Takes back the newest deed. What fails stays where it was, and the failure is thrown. */
  undo(): Promise<void> {
    return this.#move(() => this.#done, () => this.#undone, (deed) => deed.undo(), "taken back: ", false);
  }
  redo(): Promise<void> {
    return this.#move(() => this.#undone, () => this.#done, (deed) => deed.redo(), "", true);
  }

  async #move(from: () => Deed[], to: () => Deed[], act: (deed: Deed) => Promise<unknown>, prefix: string, undoable: boolean): Promise<void> {
    const deed = from().at(-1);
    if (!deed || this.#busy) return;
    this.#busy = true;
    try {
      await act(deed);
      from().pop();
      to().push(deed);
      this.#say(prefix + deed.name, undoable);
    } finally {
      this.#busy = false;
    }
  }

  #say(text: string, undoable: boolean): void {
    this.last = { text, undoable };
    for (const listener of this.#listeners) listener();
  }
}

export const undoStack = new UndoStack();
export const useLastDeed = (): UndoStack["last"] => useSyncExternalStore(undoStack.subscribe, undoStack.snapshot);
