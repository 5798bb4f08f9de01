// Product, place and search.
import { Icon } from "./Icon.tsx";
import { openDialog } from "../state/dialog.ts";
import { changeSettings, useSettings } from "../state/settings.ts";
import { toggleSidebar, useSidebar } from "../state/sidebar.ts";
import { setView, useView, type Page } from "../state/view.ts";
import { useRuns } from "../state/runs.ts";
import { commandKey } from "./keys.ts";

const PLACES: Record<Exclude<Page, "runs">, string> = { new: "New run", compare: "Compare", models: "Imported models", generate: "Imported models", plan: "Plan", hosts: "Hosts", tpus: "Cloud TPUs" };
const NEXT_THEME = { system: "light", light: "dark", dark: "system" } as const;

export function TopBar() {
  const { theme } = useSettings(), { shown } = useSidebar();
  const { page, run } = useView();
  const { runs } = useRuns();
  const name = runs.find(({ id }) => id === run)?.name;
  const place = page === "runs" ? name : PLACES[page];
  return (
    <header className="top-bar">
      <button type="button" className="icon-button" aria-label={shown ? "Hide the list of runs" : "Show the list of runs"} title={`${shown ? "Hide" : "Show"} the list of runs (${commandKey}B)`} aria-pressed={shown} onClick={toggleSidebar}><Icon name="sidebar" /></button>
      <nav className="crumbs" aria-label="Place">
        <button type="button" className="crumb product" onClick={() => setView({ page: "runs", run: null, source: null, model: null, as: null })}>Switchyard</button>
        {place !== undefined && <><span aria-hidden="true" className="muted">▸</span><bdi className="crumb" aria-current="page">{place}</bdi></>}
      </nav>
      <button type="button" className="search-button" onClick={() => openDialog({ kind: "palette" })}><Icon name="search" /><span>Search or run a command</span><kbd>{commandKey}K</kbd></button>
      <button type="button" className="icon-button" aria-label={`Theme: ${theme}. Change to ${NEXT_THEME[theme]}`} title={`Theme: ${theme === "system" ? "as the system" : theme}`} onClick={() => changeSettings({ theme: NEXT_THEME[theme] })}><Icon name={theme === "system" ? "theme" : theme === "light" ? "sun" : "moon"} /></button>
      <button type="button" className="icon-button" aria-label="Keys" title="Keys (?)" onClick={() => openDialog({ kind: "keys" })}>?</button>
    </header>
  );
}
