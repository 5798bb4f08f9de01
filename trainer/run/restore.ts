// The newest checkpoint that can be used, into the engine.
import { readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Engine } from "../../native/switchyard.d.ts";
import { ALERTS_FILE, damageOf, listCheckpoints, type StoredCheckpoint } from "./checkpoints.ts";
import { AlertState } from "../alerts.ts";
import { RunFailure, asFailure } from "../failure.ts";
import { syncDirectory } from "./runDirectory.ts";

export interface Restored {
  /** Manifest of the checkpoint that was loaded; null at the first start. */
  from: StoredCheckpoint["manifest"] | null;
  alerts: AlertState | undefined;
  /** One sentence for each newer checkpoint that could not be used. */
  damaged: string[];
}

/**
 * Loads the newest checkpoint whose checksums hold. Newer ones that are damaged are set aside under another name, so that
 * they neither count among those kept nor stand in the way of the one that this attempt will write at their step.
 */
export async function restore(run: string, engine: Engine, progress: (done: number, total: number) => void): Promise<Restored> {
  const all = listCheckpoints(run), unusable: { checkpoint: StoredCheckpoint; wrong: string }[] = [];
  for (const checkpoint of all) {
    let wrong = await damageOf(checkpoint, progress);
    if (wrong === null) {
      try {
        await engine.load(checkpoint.folder);
        const damaged = unusable.map(({ checkpoint: { folder, manifest }, wrong }) => {
          const aside = setAside(folder);
          return `The checkpoint of step ${manifest.step} is damaged (${wrong}) and was set aside as ${aside}; going on from step ${checkpoint.manifest.step}.`;
        });
        return { from: checkpoint.manifest, alerts: alertsOf(checkpoint.folder), damaged };
      } catch (error) {
        const failure = asFailure(error);
        if (failure.reason !== "checkpoint-error") throw failure; // says nothing about the checkpoint
        wrong = failure.message;
      }
    }
    unusable.push({ checkpoint, wrong });
  }
  if (all.length) throw new RunFailure("checkpoint-error", `${all.length === 1 ? "The only checkpoint can't" : `None of the ${all.length} checkpoints can`} be used: that of step ${all[0]!.manifest.step} is damaged (${unusable[0]!.wrong}). Duplicate the run to start again from step 0.`);
  return { from: null, alerts: undefined, damaged: [] };
}

function setAside(folder: string): string {
  const checkpoints = dirname(folder), name = `damaged-${folder.slice(checkpoints.length + 1)}`;
  rmSync(join(checkpoints, name), { recursive: true, force: true });
  renameSync(folder, join(checkpoints, name));
  syncDirectory(checkpoints);
  return `checkpoints/${name}`;
}

/** Absent in checkpoints of trainers that keep none. */
function alertsOf(folder: string): AlertState | undefined {
  try { return AlertState.parse(JSON.parse(readFileSync(join(folder, ALERTS_FILE), "utf8"))); } catch { return undefined; }
}
