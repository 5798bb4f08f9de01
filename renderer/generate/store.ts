// The window's one store of generated text.
import { useSyncExternalStore } from "react";
import { client } from "../connection/index.ts";
import { GenerationStore, type Entry } from "./generationStore.ts";

export const generations = new GenerationStore(client);
/** Draft and answer of a run or an imported model; the component is drawn again when they change. */
export const useGeneration = (id: string): Entry => useSyncExternalStore(generations.subscribe, () => generations.read(id));
