// Errors as they reach a person: one sentence, the detail a click away.
import type { SpecIssue, WireError } from "../contract/handlers.ts";
import { isDamage } from "../db/openOrRebuild.ts";

/** An error whose message is meant to be read: what happened, to what, what to do. */
export class PersonError extends Error {
  readonly detail: string | null;
  readonly issues: SpecIssue[];
  constructor(message: string, more: { detail?: string; issues?: SpecIssue[] } = {}) {
    super(message);
    this.detail = more.detail ?? null;
    this.issues = more.issues ?? [];
  }
}

const REASONS: Record<string, string> = {
  EACCES: "permission denied", EPERM: "permission denied", EROFS: "the disk is read-only", ENOSPC: "the disk is full", EDQUOT: "the disk quota is used up",
  EISDIR: "it is a folder", ENOTDIR: "a part of its path is a file", EEXIST: "a file stands there", ENOENT: "the system allows no folder there", ENAMETOOLONG: "the path is too long",
};
/** Why a file could not be read or written, in plain words. */
export function plainReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ""] ?? message;
}

/** The same of a file that a person named to be read. */
export const unreadableReason = (error: unknown): string => ((error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : plainReason(error));

/** Any thrown value for the wire. */
export function toWireError(error: unknown, doing: string): WireError {
  if (error instanceof PersonError) return { message: error.message, detail: error.detail, issues: error.issues };
  if (isDamage(error))
    return { message: "The database is damaged; quit Switchyard and start it again to have it rebuilt from the run directories.", detail: String(error), issues: [] };
  const { message, code, stack, path } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") return { message: `${path ?? "A file"} can't be written or read (${plainReason(error)}), so ${doing} was not done; check who owns it.`, detail: stack ?? null, issues: [] };
  if (code === "ENOSPC" || code === "EDQUOT" || code === "SQLITE_FULL") return { message: `The disk is full, so ${doing} was not done; free some space and try again.`, detail: stack ?? null, issues: [] };
  return { message: `The backend failed at ${doing}: ${message ?? String(error)}`, detail: stack ?? null, issues: [] };
}
