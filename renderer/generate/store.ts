// The window's one store of generated text.
import { useSyncExternalStore } from "react";
import { client } from "../connection/index.ts";
import { GenerationStore, type Entry } from "./generationStore.ts";

export const generations = new GenerationStore(client);
/** A run's draft and answer; the component is drawn again when they change. */
export const useGeneration = (runId: string): Entry => useSyncExternalStore(generations.subscribe, () => generations.read(runId));
