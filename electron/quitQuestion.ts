import { type BrowserWindow, dialog } from "electron";
import type { ActiveRun, Backend } from "./backend.ts";

/**
 * Asks what becomes of runs that are going. Training outlives the window, so leaving them is the first answer.
 * @returns whether to quit
 */
export async function mayQuit(backend: Backend, window: BrowserWindow | undefined): Promise<boolean> {
  let runs: ActiveRun[];
  try {
    runs = await backend.activeRuns();
  } catch {
    // A backend that no longer answers can't keep the window open. Its runs go on without it.
    return true;
  }
  if (runs.length === 0) return true;
  const question = {
    type: "question" as const,
    title: "Switchyard",
    message: runs.length === 1 ? `The run "${runs[0]?.name}" is still training.` : `${runs.length} runs are still training.`,
    detail: "They can go on without the window: open Switchyard again to see them. Or they stop after the current step and save a checkpoint to resume from.",
    buttons: ["Leave running", "Stop and save", "Cancel"],
    defaultId: 0,
    cancelId: 2,
    noLink: true,
  };
  const { response } = window ? await dialog.showMessageBox(window, question) : await dialog.showMessageBox(question);
  if (response === 2) return false;
  if (response === 1) {
    try {
      await backend.stopAllRuns();
    } catch (error) {
      dialog.showErrorBox("The runs could not be stopped", `${error instanceof Error ? error.message : String(error)} They are left running.`);
      return false;
    }
  }
  return true;
}
