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
  const here = runs.filter(({ host }) => host === null), elsewhere = runs.length - here.length;
  if (runs.length === 0) return true;
  if (here.length === 0) return mayLeave(runs, window);
  const question = {
    type: "question" as const,
    title: "Switchyard",
    message: here.length === 1 ? `The run "${here[0]?.name}" is still training.` : `${here.length} runs are still training.`,
    detail: `They can go on without the window: open Switchyard again to see them. Or they stop after the current step and save a checkpoint to resume from.${elsewhere > 0 ? ` ${leftAlone(elsewhere)}` : ""}`,
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

const leftAlone = (count: number): string => `${count === 1 ? "The run on another machine is" : `The ${count} runs on other machines are`} left alone, whatever you choose.`;

/** With runs on other machines alone there is nothing to decide, but something to know. */
async function mayLeave(runs: readonly ActiveRun[], window: BrowserWindow | undefined): Promise<boolean> {
  const notice = {
    type: "info" as const,
    title: "Switchyard",
    message: runs.length === 1 ? `The run "${runs[0]?.name}" goes on on ${runs[0]?.host}.` : `${runs.length} runs go on on other machines.`,
    detail: "Quitting leaves them alone. Open Switchyard again to see what they did meanwhile.",
    buttons: ["Quit", "Cancel"],
    defaultId: 0,
    cancelId: 1,
    noLink: true,
  };
  const { response } = window ? await dialog.showMessageBox(window, notice) : await dialog.showMessageBox(notice);
  return response === 0;
}
