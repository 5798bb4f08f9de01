// remote.json: what makes a run directory the mirror of one on another machine.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RemoteFile } from "../../contract/remoteRun.ts";
import { writeJson } from "../atomicFile.ts";
import { readJson } from "../../trainer/run/jsonFile.ts";

export const REMOTE_FILE = "remote.json";

/** Also true of a mirror whose remote.json can't be read: it is nobody else's run either. */
export const isMirror = (directory: string): boolean => existsSync(join(directory, REMOTE_FILE));
export const readRemote = (directory: string): RemoteFile | null => readJson(join(directory, REMOTE_FILE), RemoteFile);
export const writeRemote = (directory: string, file: RemoteFile): void => writeJson(join(directory, REMOTE_FILE), RemoteFile.parse(file));
