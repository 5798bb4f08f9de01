// What is asked of each run or imported model, and what it has answered: kept while the window is open, so that looking at another
// tab or run loses nothing.
import type { Client } from "../../contract/client.ts";
import { GenerationSettings, type GenerationAnswer, type GenerationPush, type GenerationSource } from "../../contract/generation.ts";
import { toIssues } from "../../contract/specIssues.ts";

export type Checkpoint = Extract<GenerationSource, { kind: "run" }>["checkpoint"];
export interface Draft {
  /** null until something was typed: the example is shown. */
  text: string | null;
  checkpoint: Checkpoint;
  /** As typed; the contract's schema has the last word. */
  settings: { [K in keyof GenerationSettings]: GenerationSettings[K] | string };
}
export type State =
  | { kind: "nothing" }
  | { kind: "loading"; message: string }
  | { kind: "writing"; answer: GenerationAnswer }
  | { kind: "done"; answer: GenerationAnswer; stopped: boolean }
  | { kind: "failed"; message: string; detail: string | null };
export interface Entry { draft: Draft; state: State }

const START: Entry = { draft: { text: null, checkpoint: "newest", settings: GenerationSettings.parse({}) }, state: { kind: "nothing" } };

export const isGoing = ({ kind }: State): boolean => kind === "loading" || kind === "writing";

/** The mistakes in typed settings, by name; empty when they can be asked for. */
export function settingProblems(settings: Draft["settings"]): Partial<Record<keyof GenerationSettings, string>> {
  const parsed = GenerationSettings.safeParse(settings);
  return parsed.success ? {} : Object.fromEntries(toIssues(parsed.error).map(({ path, message }) => [path, message]));
}

export class GenerationStore {
  readonly #client: Pick<Client, "subscribe">;
  readonly #entries = new Map<string, Entry>();
  readonly #stops = new Map<string, () => void>();
  readonly #listeners = new Set<() => void>();

  constructor(client: Pick<Client, "subscribe">) {
    this.#client = client;
  }

  readonly subscribe = (changed: () => void): (() => void) => {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  };
  readonly read = (id: string): Entry => this.#entries.get(id) ?? START;

  change(id: string, draft: Partial<Draft>): void {
    const entry = this.read(id);
    this.#set(id, { ...entry, draft: { ...entry.draft, ...draft } });
  }

  /** Asks for text; one that was coming from the same weights is given up. */
  generate(kind: GenerationSource["kind"], id: string, text: string): void {
    const { draft } = this.read(id), settings = GenerationSettings.safeParse(draft.settings);
    if (!settings.success) return;
    this.#end(id);
    this.#to(id, { kind: "loading", message: "Starting…" });
    const source: GenerationSource = kind === "run" ? { kind, runId: id, checkpoint: draft.checkpoint } : { kind, modelId: id };
    this.#stops.set(id, this.#client.subscribe("generation", { source, texts: [text], settings: settings.data }, (push) => this.#hear(id, push), ({ message, detail }) => {
      this.#end(id);
      this.#to(id, { kind: "failed", message, detail });
    }));
  }

  /** Ends the work and keeps what has come. */
  stop(id: string): void {
    const { state } = this.read(id);
    this.#end(id);
    if (state.kind === "writing") this.#to(id, { kind: "done", answer: state.answer, stopped: true });
    else if (state.kind === "loading") this.#to(id, { kind: "nothing" });
  }

  #hear(id: string, push: GenerationPush): void {
    if (push.phase === "loading") return this.#to(id, { kind: "loading", message: push.message });
    if (!push.answer.done) return this.#to(id, { kind: "writing", answer: push.answer });
    this.#end(id);
    this.#to(id, { kind: "done", answer: push.answer, stopped: false });
  }
  #end(id: string): void {
    this.#stops.get(id)?.();
    this.#stops.delete(id);
  }
  #to(id: string, state: State): void {
    this.#set(id, { ...this.read(id), state });
  }
  #set(id: string, entry: Entry): void {
    this.#entries.set(id, entry);
    for (const listener of this.#listeners) listener();
  }
}
