// Every action and every run, by typing.
import { Command } from "cmdk";
import { useRequest } from "../connection/index.ts";
import { checkHost, showHosts, showTpus } from "../hosts/actions.ts";
import { useHosts } from "../state/hosts.ts";
import { modelActions } from "../state/modelActions.ts";
import { openDialog } from "../state/dialog.ts";
import { currentFilter, setFilter } from "../state/filter.ts";
import { say } from "../state/notice.ts";
import { chooseRun, doAgain, newRun, runActions, takeBack } from "../state/runActions.ts";
import { listed, useRuns } from "../state/runs.ts";
import { changeSettings, currentSettings } from "../state/settings.ts";
import { toggleSidebar } from "../state/sidebar.ts";
import { setView, TAB_TITLES, TABS, useView } from "../state/view.ts";
import { chartCommands, overlayCommands, type Command as Item } from "./chartCommands.ts";
import { STATUS } from "./runText.ts";

/** More than this is found by typing. */
const MAX_RUNS = 200, MAX_MODELS = 50, MAX_HOSTS = 50;

const general: Item[] = [
  { id: "new", label: "New run", hint: "n", perform: newRun },
  { id: "import", label: "Import a log…", perform: () => openDialog({ kind: "import" }) },
  { id: "models", label: "Show the imported models", hint: "m", perform: () => setView({ page: "models" }) },
  { id: "hosts", label: "Show the hosts", hint: "h", perform: () => showHosts() },
  { id: "tpus", label: "Show the Cloud TPUs", perform: () => showTpus() },
  { id: "plan", label: "Plan for other devices", hint: "p", perform: () => setView({ page: "plan" }) },
  { id: "start", label: "Show the start page", perform: () => setView({ page: "runs", run: null }) },
  { id: "undo", label: "Undo", perform: takeBack },
  { id: "redo", label: "Redo", perform: doAgain },
  { id: "sidebar", label: "Hide or show the list of runs", perform: toggleSidebar },
  { id: "archived", label: "Hide or show archived runs", perform: () => changeSettings({ showArchived: !currentSettings().showArchived }) },
  { id: "light", label: "Theme: light", perform: () => changeSettings({ theme: "light" }) },
  { id: "dark", label: "Theme: dark", perform: () => changeSettings({ theme: "dark" }) },
  { id: "system", label: "Theme: as the system", perform: () => changeSettings({ theme: "system" }) },
  { id: "link", label: "Copy a link to this view", perform: () => void navigator.clipboard.writeText(location.href).then(() => say("Copied the link to this view."), () => say("The browser did not allow copying; the address bar holds the same link.")) },
  { id: "keys", label: "Show the keys", hint: "?", perform: () => openDialog({ kind: "keys" }) },
];

const CLEAR_FILTER: Item = { id: "clear-filter", label: "Clear the filter of the runs", perform: () => setFilter("") };

export function Palette() {
  const { runs } = useRuns();
  const view = useView();
  const { data: models = [] } = useRequest("models.list", {});
  const hosts = useHosts()?.hosts ?? [];
  const run = runs.find(({ id }) => id === view.run);
  const present = listed(runs, true).slice(0, MAX_RUNS);
  // Only what is on the page can be shown another way.
  const inCharts = run !== undefined && run.deletedAt === null;
  const ofRun: Item[] = run ? [
    ...(inCharts ? TABS.map((tab, index) => ({ id: `tab-${tab}`, label: `Show ${TAB_TITLES[tab]}`, hint: String(index + 1), perform: () => setView({ page: "runs", tab }) })) : []),
    ...(view.overlaid.length > 0 ? [{ id: "compare", label: "Compare the runs in the charts", hint: "c", perform: () => setView({ page: "compare" }) }] : []),
    ...runActions(run).map(({ id, label, perform }) => ({ id, label, perform })),
  ] : [];
  const pick = (item: Item) => () => {
    openDialog(null);
    item.perform();
  };
  const line = (item: Item) => <Command.Item key={item.id} value={`${item.label} ${item.id}`} onSelect={pick(item)}><span>{item.label}</span>{item.hint && <kbd>{item.hint}</kbd>}</Command.Item>;
  return (
    <Command label="Search or run a command" loop>
      <Command.Input autoFocus placeholder="Search runs and commands" />
      <Command.List>
        <Command.Empty>Nothing is called that.</Command.Empty>
        {run && <Command.Group heading={`This run: ${run.name}`}>{ofRun.map(line)}</Command.Group>}
        {inCharts && <Command.Group heading="Charts">{chartCommands(view).map(line)}</Command.Group>}
        <Command.Group heading="Window">{[...general, ...(currentFilter() ? [CLEAR_FILTER] : [])].map(line)}</Command.Group>
        <Command.Group heading="Runs">
          {present.map((other) => (
            <Command.Item key={other.id} value={`${other.name} ${other.tags.join(" ")} ${other.id}`} onSelect={pick({ id: other.id, label: other.name, perform: () => chooseRun(other.id) })}>
              <span className="status-glyph" data-status={other.status} aria-hidden="true">{STATUS[other.status].glyph}</span><bdi>{other.name}</bdi>
            </Command.Item>
          ))}
        </Command.Group>
        {hosts.length > 0 && <Command.Group heading="Hosts">{hosts.slice(0, MAX_HOSTS).flatMap(({ name }) => [
          line({ id: `show host ${name}`, label: `${name}: show`, perform: () => showHosts(name) }),
          line({ id: `check host ${name}`, label: `${name}: check`, perform: () => { showHosts(name); checkHost(name); } }),
        ])}</Command.Group>}
        {models.length > 0 && <Command.Group heading="Imported models">{models.slice(0, MAX_MODELS).flatMap((model) => modelActions(model).map(({ id, label, perform }) => line({ id: `${id} ${model.id}`, label: `${model.name}: ${label}`, perform })))}</Command.Group>}
        {inCharts && <Command.Group heading="Other runs in the charts">{overlayCommands(present.filter(({ id }) => id !== run.id), view).map(line)}</Command.Group>}
      </Command.List>
    </Command>
  );
}
