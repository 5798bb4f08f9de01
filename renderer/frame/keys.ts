// The keys of the window.
import { openDialog } from "../state/dialog.ts";
import { currentFilter } from "../state/filter.ts";
import { chooseRun, doAgain, newRun, takeBack } from "../state/runActions.ts";
import { listed, matching, runsStore } from "../state/runs.ts";
import { currentSettings } from "../state/settings.ts";
import { showSidebar, toggleSidebar } from "../state/sidebar.ts";
import { currentView, setView, TAB_TITLES, TABS } from "../state/view.ts";

const isMac = typeof navigator !== "undefined" && /Mac/.test(navigator.platform);
/** "⌘" or "Ctrl+", to stand before a letter. */
export const commandKey = isMac ? "⌘" : "Ctrl+";

export interface Shortcut { keys: string; does: string }
export const SHORTCUTS: readonly Shortcut[] = [
  { keys: `${commandKey}K`, does: "Search or run a command" },
  { keys: "?", does: "Show these keys" },
  { keys: "n", does: "New run" },
  { keys: "m", does: "Imported models" },
  { keys: "h", does: "Hosts" },
  { keys: "p", does: "Plan for other devices" },
  { keys: "j, k", does: "Next or previous run of the list" },
  { keys: "/", does: "Filter the runs" },
  { keys: `1 … ${TABS.length}`, does: TABS.map((tab) => TAB_TITLES[tab]).join(", ") },
  { keys: "c", does: "Compare the runs in the charts" },
  { keys: "↑ ↓, ← →", does: "In the list: other run; its eye, name or menu" },
  { keys: "← →", does: "On a step slider or chart: one step back or forth; with Shift on a chart, ten" },
  { keys: "Home, End", does: "On a step slider or chart: first or last step" },
  { keys: "Enter", does: "On a chart: show this step in all panels" },
  { keys: "+, -, 0", does: "On a chart: zoom in, zoom out, show all steps" },
  { keys: `${commandKey}Enter`, does: "In the form: start the run; in Generate: generate" },
  { keys: `${commandKey}Z`, does: "Undo archive, delete, rename, tags, note, colour" },
  { keys: `${commandKey}Shift+Z, ${commandKey}Y`, does: "Redo" },
  { keys: `${commandKey}B`, does: "Hide or show the list of runs" },
  { keys: "Esc", does: "Close a dialog; leave the form" },
];

/** Typing belongs to the field that has the focus. */
const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select"));

function moveInList(by: number): void {
  const runs = matching(listed(runsStore.snapshot().runs, currentSettings().showArchived), currentFilter());
  const at = runs.findIndex(({ id }) => id === currentView().run);
  const next = runs[at < 0 ? 0 : Math.min(runs.length - 1, Math.max(0, at + by))];
  if (next) chooseRun(next.id);
}

function onCommand(event: KeyboardEvent): boolean {
  const key = event.key.toLowerCase();
  if (key === "k") openDialog({ kind: "palette" });
  else if (key === "b") toggleSidebar();
  else if (key === "z" && !isTyping(event.target)) (event.shiftKey ? doAgain : takeBack)();
  else if (key === "y" && !isTyping(event.target)) doAgain();
  else return false;
  return true;
}

function onPlain(event: KeyboardEvent): boolean {
  const { run, page, overlaid } = currentView();
  const tab = TABS[Number(event.key) - 1];
  if (event.key === "?") openDialog({ kind: "keys" });
  else if (event.key === "n") newRun();
  else if (event.key === "m") setView({ page: page === "models" ? "runs" : "models" });
  else if (event.key === "h") setView({ page: page === "hosts" ? "runs" : "hosts" });
  else if (event.key === "p") setView({ page: page === "plan" ? "runs" : "plan" });
  else if (event.key === "j") moveInList(1);
  else if (event.key === "k") moveInList(-1);
  else if (event.key === "/") {
    showSidebar();
    requestAnimationFrame(() => document.querySelector<HTMLInputElement>("#run-filter")?.focus());
  } else if (event.key === "c" && run && overlaid.length > 0) setView({ page: page === "compare" ? "runs" : "compare" });
  else if (tab && run && page === "runs") setView({ tab });
  else return false;
  return true;
}

/** Before anything is drawn, so that no key is lost to a page that is still opening. */
export function startKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey) return;
    const command = isMac ? event.metaKey : event.ctrlKey;
    const inDialog = event.target instanceof Element && event.target.closest("[role=dialog], [role=menu]") !== null;
    if (command ? onCommand(event) : !inDialog && !isTyping(event.target) && onPlain(event)) event.preventDefault();
  });
}
