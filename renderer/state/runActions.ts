// Everything that can be done to a run, once: the header, the list's menu and the palette all read it from here.
import { isImported, type RunSummary } from "../../contract/handlers.ts";
import { client } from "../connection/index.ts";
import { saveBlob } from "../charts/download.ts";
import { shortName } from "../charts/summary.ts";
import { openDialog } from "./dialog.ts";
import { attempt, say } from "./notice.ts";
import { isGoing } from "./runs.ts";
import { undoStack } from "./undo.ts";
import type { Derivation } from "../newRun/beginning.ts";
import { currentView, setView } from "./view.ts";

export interface RunAction {
  id: string;
  label: string;
  /** Group in a menu; a line is drawn between groups. */
  group: "run" | "derive" | "edit" | "export" | "away";
  danger?: boolean;
  perform: () => void;
}

/** Does it so that it can be undone, and says so; `consequence` is a sentence that holds only until it is undone. */
export function undoably(name: string, redo: () => Promise<unknown>, undo: () => Promise<unknown>, consequence = ""): Promise<void> {
  return undoStack.run({ name, redo, undo }).then(() => say(`${name[0]!.toUpperCase()}${name.slice(1)}. ${consequence}`.trim(), true));
}

const quoted = ({ name }: Pick<RunSummary, "name">): string => `“${shortName(name)}”`;

export const rename = (run: RunSummary, name: string) => undoably(`renamed ${quoted(run)} to ${quoted({ name })}`,
  () => client.send("runs.rename", { runId: run.id, name }), () => client.send("runs.rename", { runId: run.id, name: run.name }));
export const tag = (run: RunSummary, tags: string[]) => undoably(`changed the tags of ${quoted(run)}`,
  () => client.send("runs.tag", { runId: run.id, tags }), () => client.send("runs.tag", { runId: run.id, tags: run.tags }));
export const note = (run: RunSummary, text: string) => undoably(`changed the note of ${quoted(run)}`,
  () => client.send("runs.note", { runId: run.id, note: text }), () => client.send("runs.note", { runId: run.id, note: run.note }));
export const colour = (run: RunSummary, index: number) => undoably(`changed the colour of ${quoted(run)}`,
  () => client.send("runs.colour", { runId: run.id, colour: index }), () => client.send("runs.colour", { runId: run.id, colour: run.colour }));
const archive = (run: RunSummary, archived: boolean) => undoably(`${archived ? "archived" : "brought back"} ${quoted(run)}`,
  () => client.send("runs.archive", { runId: run.id, archived }), () => client.send("runs.archive", { runId: run.id, archived: !archived }));

/** How long the backend keeps the files of a deleted run. */
export const RESTORABLE_DAYS = 7;

function remove(run: RunSummary): Promise<void> {
  let before = currentView(), after = before;
  return undoably(`deleted ${quoted(run)}`, async () => {
    await client.send("runs.delete", { runId: run.id });
    before = currentView();
    setView({ overlaid: before.overlaid.filter((id) => id !== run.id), ...(before.run === run.id ? { run: null } : {}) });
    after = currentView();
  }, async () => {
    await client.send("runs.restore", { runId: run.id });
    // A person who has gone elsewhere since is not taken away from there.
    if (currentView() === after) setView(before);
  }, `Its files go in ${RESTORABLE_DAYS} days.${run.host === null ? "" : ` On ${run.host} nothing is changed: what goes there goes on.`}`);
}
export const restore = (run: RunSummary) => attempt(() => undoably(`restored ${quoted(run)}`,
  () => client.send("runs.restore", { runId: run.id }), () => client.send("runs.delete", { runId: run.id })));

async function download(run: RunSummary, format: "csv" | "json", what: "metrics" | "routing"): Promise<void> {
  const { fileName, mediaType, text } = await client.send("runs.export", { runId: run.id, format, what });
  saveBlob(new Blob([text], { type: mediaType }), fileName);
  say(`Saved ${fileName}.`);
}

/** Can it be continued from a checkpoint? */
export const isResumable = (run: RunSummary): boolean => !isImported(run) && (run.status === "stopped" || run.status === "failed");

export const stop = (run: RunSummary) => attempt(() => client.send("runs.stop", { runId: run.id }));
export const resume = (run: RunSummary) => attempt(() => client.send("runs.resume", { runId: run.id }));
/** Tries the link to a run's host now. */
export const reconnect = (run: RunSummary) => attempt(() => client.send("runs.reconnect", { runId: run.id }));
const detach = (run: RunSummary) => attempt(async () => {
  await client.send("runs.detach", { runId: run.id });
  say(`${quoted(run)} is left alone on ${run.host}; what was copied stays here.`);
});

/** What can be done to the run as it is now. */
export function runActions(run: RunSummary): RunAction[] {
  if (run.deletedAt !== null) return [{ id: "restore", label: "Restore", group: "away", perform: () => restore(run) }];
  const derive = (as: Derivation) => () => setView({ page: "new", source: run.id, as, host: null });
  const trainedHere = !isImported(run), trained = trainedHere && run.step > 0;
  const all: (RunAction | false)[] = [
    run.status === "unreachable" && { id: "reconnect", label: "Try to reach it now", group: "run", perform: () => reconnect(run) },
    trainedHere && isGoing(run) && run.status !== "stopping" && run.status !== "unreachable" && { id: "stop", label: "Stop and save", group: "run", perform: () => stop(run) },
    isResumable(run) && { id: "resume", label: "Resume", group: "run", perform: () => resume(run) },
    trainedHere && run.status === "running" && { id: "checkpoint", label: "Save a checkpoint now", group: "run", perform: () => attempt(async () => {
      await client.send("runs.checkpoint", { runId: run.id });
      say("A checkpoint will be saved after this step.");
    }) },
    trainedHere && !isGoing(run) && { id: "steps", label: "Train further…", group: "run", perform: () => openDialog({ kind: "steps", runId: run.id }) },
    trainedHere && { id: "duplicate", label: "Duplicate with changes…", group: "run", perform: () => setView({ page: "new", source: run.id, as: null, host: run.host }) },
    trainedHere && { id: "plan", label: "Plan for other devices…", group: "run", perform: () => setView({ page: "plan", plan: { ...currentView().plan, subject: `run:${run.id}`, batch: null, group: null, mesh: null } }) },
    trained && { id: "fine-tune", label: "Fine-tune…", group: "derive", perform: derive("fine-tune") },
    trained && { id: "distil", label: "Distil into a dense model…", group: "derive", perform: derive("distil") },
    trained && run.experts === null && { id: "upcycle", label: "Upcycle into a sparse model…", group: "derive", perform: derive("upcycle") },
    { id: "rename", label: "Rename…", group: "edit", perform: () => openDialog({ kind: "rename", runId: run.id }) },
    { id: "tags", label: "Tags…", group: "edit", perform: () => openDialog({ kind: "tags", runId: run.id }) },
    { id: "note", label: "Note…", group: "edit", perform: () => openDialog({ kind: "note", runId: run.id }) },
    { id: "colour", label: "Colour…", group: "edit", perform: () => openDialog({ kind: "colour", runId: run.id }) },
    { id: "metrics-csv", label: "Export metrics as CSV", group: "export", perform: () => attempt(() => download(run, "csv", "metrics")) },
    { id: "metrics-json", label: "Export metrics as JSON", group: "export", perform: () => attempt(() => download(run, "json", "metrics")) },
    { id: "routing-csv", label: "Export routing as CSV", group: "export", perform: () => attempt(() => download(run, "csv", "routing")) },
    { id: "routing-json", label: "Export routing as JSON", group: "export", perform: () => attempt(() => download(run, "json", "routing")) },
    run.host !== null && isGoing(run) && { id: "detach", label: "Stop watching it", group: "away", perform: () => detach(run) },
    { id: "archive", label: run.archived ? "Bring back from the archive" : "Archive", group: "away", perform: () => attempt(() => archive(run, !run.archived)) },
    (!isGoing(run) || run.host !== null) && { id: "delete", label: "Delete", group: "away", danger: true, perform: () => attempt(() => remove(run)) },
  ];
  return all.filter((action) => action !== false);
}

/** Puts a run into the charts beside the chosen one, or takes it out. */
export function toggleOverlay(id: string): void {
  const { run, overlaid } = currentView();
  if (run === null) setView({ page: "runs", run: id });
  else if (run !== id) setView({ overlaid: overlaid.includes(id) ? overlaid.filter((other) => other !== id) : [...overlaid, id] });
}

/** Opens a run, alone unless it was in the charts already. */
export function chooseRun(id: string): void {
  const { run, overlaid } = currentView();
  const swapped = run !== null && overlaid.includes(id) ? overlaid.map((other) => (other === id ? run : other)) : overlaid.filter((other) => other !== id);
  setView({ page: "runs", run: id, overlaid: swapped });
}

/** Opens an empty form, or the draft that was left in it. */
export const newRun = () => newRunOn(null);
/** The same, to be trained on a host or cluster. */
export const newRunOn = (host: string | null) => setView({ page: "new", source: null, model: null, as: null, host });

export const takeBack = () => attempt(async () => {
  if (!undoStack.undoable) return say("There is nothing to undo.");
  await undoStack.undo();
  say(`Undone: ${undoStack.redoable}.`);
});
export const doAgain = () => attempt(async () => {
  if (!undoStack.redoable) return say("There is nothing to redo.");
  await undoStack.redo();
  say(`Done again: ${undoStack.undoable}.`, true);
});
