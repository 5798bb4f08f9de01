// Everything that can be done to an imported model: its menu and the palette read it from here.
import type { ModelFile } from "../../contract/modelFile.ts";
import { openDialog } from "./dialog.ts";
import { setView } from "./view.ts";

export interface ModelAction { id: string; label: string; danger?: boolean; perform: () => void }

export function modelActions({ id, model }: ModelFile): ModelAction[] {
  const derive = (as: "fine-tune" | "distil" | "upcycle") => () => setView({ page: "new", source: null, model: id, as, host: null });
  return [
    { id: "fine-tune", label: "Fine-tune…", perform: derive("fine-tune") },
    { id: "generate", label: "Generate…", perform: () => setView({ page: "generate", source: null, model: id, as: null }) },
    { id: "distil", label: "Distil into a dense model…", perform: derive("distil") },
    ...(model.sparse ? [] : [{ id: "upcycle", label: "Upcycle into a sparse model…", perform: derive("upcycle") }]),
    { id: "delete", label: "Delete…", danger: true, perform: () => openDialog({ kind: "delete-model", modelId: id }) },
  ];
}
