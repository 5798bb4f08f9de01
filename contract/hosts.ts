// Remote hosts: how each is reached, what a check found there, and what a person is asked on the way.
import { z } from "zod";

const NO_CONTROL = /^[^\u0000-\u001f\u007f]*$/;
/** What a person types for a host: in a spec, on the command line, in the list. */
export const HostName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "A host's name has 1 to 64 letters, digits, dots, dashes or underscores and begins with a letter or digit.");
/** What ssh is given: an alias of ~/.ssh/config, a name or an address. One that begins with a dash would be an option. */
export const HostAddress = z.string().regex(/^[A-Za-z0-9_:[][A-Za-z0-9._:%[\]-]{0,252}$/, "An address is a host name, an IP address or a Host of ~/.ssh/config, and begins with a letter, digit or colon.");
export const UserName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._@\\-]{0,63}$/, "A user name begins with a letter or digit and has no spaces.");
const IdentityFile = z.string().max(1024).regex(/^[~/]/, "The identity file needs its full path, or one that begins with ~/.").regex(NO_CONTROL);
/** A path on the host. */
export const RemotePath = z.string().min(1).max(1024).regex(NO_CONTROL, "A path has no line breaks.").regex(/^[^-]/, "A path doesn't begin with a dash.");

/** What ssh needs to know beyond its own configuration, which stands behind all of it. */
export const HostTarget = z.strictObject({
  address: HostAddress,
  user: UserName.optional(),
  port: z.int().min(1).max(65_535).optional(),
  identityFile: IdentityFile.optional(),
  /** Host, or user@host:port, to jump through. */
  jump: z.string().regex(/^[A-Za-z0-9_[][A-Za-z0-9._:%@[\]-]{0,252}$/, "A jump host is written HOST, USER@HOST or USER@HOST:PORT.").optional(),
});
export type HostTarget = z.output<typeof HostTarget>;

/** Ways in which the link to a host fails; each has its own remedy. */
export const SshFailureKind = z.enum([
  "no-ssh", "bad-configuration", "name-unknown", "refused", "timeout", "no-route", "host-key-unknown", "host-key-changed", "permission-denied", "proxy-failed",
  "closed", "command-missing", "other",
]);
export const SshFailure = z.object({
  kind: SshFailureKind,
  /** One sentence: what happened, to which host. */
  message: z.string(),
  /** What to do about it. */
  remedy: z.string(),
  /** The end of what ssh said. */
  detail: z.string(),
});
export type SshFailure = z.output<typeof SshFailure>;
