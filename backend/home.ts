// Where everything of one person lies: the database, the runs, and who serves them.
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { makeFolder } from "../trainer/run/makeFolder.ts";
import { plainReason } from "./personError.ts";

export interface Home {
  readonly directory: string;
  readonly database: string;
  readonly runs: string;
  /** Imported models. */
  readonly models: string;
  /** Held by the one process that writes the database. */
  readonly lock: string;
  /** Port and token of the backend that serves this home, readable by its owner alone. */
  readonly backend: string;
  /** Present when a query met damage: the next start checks every page. */
  readonly checkDatabase: string;
}

/** The home directory: the one given, else $SWITCHYARD_HOME, else by the XDG rules. */
export function homeAt(directory: string | undefined = process.env["SWITCHYARD_HOME"] || undefined): Home {
  const dataHome = process.env["XDG_DATA_HOME"];
  const chosen = directory !== undefined
    ? resolve(directory)
    : join(dataHome && isAbsolute(dataHome) ? dataHome : join(homedir(), ".local", "share"), "switchyard");
  return {
    directory: chosen, database: join(chosen, "switchyard.db"), runs: join(chosen, "runs"), models: join(chosen, "models"), lock: join(chosen, "switchyard.lock"),
    backend: join(chosen, "backend.json"), checkDatabase: join(chosen, "check-database"),
  };
}

/** Makes the folders of a home, closed to other people. @throws a sentence where they can't be made or written. */
export function createHome(home: Home): void {
  try {
    for (const folder of [home.runs, home.models]) makeFolder(folder);
    for (const folder of [home.directory, home.runs, home.models]) accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(`The folder ${home.directory} can't be made or written (${plainReason(error)}); choose another with --home.`);
  }
}
