// Public keys of this machine, and who may log in to a TPU VM by the keys in its metadata.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { UserName } from "../../contract/hosts.ts";
import { PersonError } from "../personError.ts";

/** The key that gcloud makes for itself comes first. */
const USUAL = ["google_compute_engine", "id_ed25519", "id_ecdsa", "id_rsa"];
const MOST_BYTES = 16 << 10, MOST_KEYS = 100;
const KEY = /^((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[A-Za-z0-9@.-]+) ([A-Za-z0-9+/]+={0,3})(?:\s|$)/;

/** A key that may log in as a user: "user:type key" in the metadata. */
export interface MetadataKey { user: string; key: string }

export function localUser(): string {
  return userInfo().username;
}

/** "~/.ssh/NAME.pub" of the key that is suggested, or null. */
export function usualPublicKey(home = homedir()): string | null {
  const name = USUAL.find((name) => existsSync(join(home, ".ssh", `${name}.pub`)));
  return name === undefined ? null : `~/.ssh/${name}.pub`;
}

/** Type and key of a public key file, without its comment. @throws PersonError where it is none */
export function readPublicKey(file: string, home = homedir()): string {
  let text: string;
  try {
    const path = file.startsWith("~/") ? join(home, file.slice(2)) : file;
    text = statSync(path).size > MOST_BYTES ? "" : readFileSync(path, "utf8");
  } catch {
    throw new PersonError(`There is no public key ${file}; make one with: ssh-keygen -t ed25519`);
  }
  const [, type, key] = KEY.exec(text) ?? [];
  if (type === undefined || key === undefined) throw new PersonError(`${file} is no public key of SSH, which is a line such as "ssh-ed25519 AAAA…".`);
  return `${type} ${key}`;
}

/** The keys of the metadata entry "ssh-keys"; lines of another form are none. */
export function metadataKeys(text: string): MetadataKey[] {
  return text.slice(0, 1 << 18).split("\n").flatMap((line) => {
    const colon = line.indexOf(":"), user = line.slice(0, colon), [, type, key] = KEY.exec(line.slice(colon + 1).trimStart()) ?? [];
    return colon > 0 && type !== undefined && key !== undefined && UserName.safeParse(user).success ? [{ user, key: `${type} ${key}` }] : [];
  });
}

/** How to log in to a machine with these keys: the one that is in ~/.ssh here; otherwise as gcloud does. */
export function loginOf(keys: readonly MetadataKey[], home = homedir()): { user: string; identityFile?: string } {
  const folder = join(home, ".ssh");
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".pub") && /^[A-Za-z0-9._-]+$/.test(name)).slice(0, MOST_KEYS).map((name) => name.slice(0, -".pub".length)) : [];
  const rank = (name: string) => (USUAL.indexOf(name) + USUAL.length + 1) % (USUAL.length + 1);
  for (const name of names.toSorted((a, b) => rank(a) - rank(b))) {
    if (!existsSync(join(folder, name))) continue;
    let here: string;
    try {
      here = readPublicKey(`~/.ssh/${name}.pub`, home);
    } catch {
      continue;
    }
    const known = keys.find(({ key }) => key === here);
    if (known) return { user: known.user, identityFile: `~/.ssh/${name}` };
  }
  return { user: localUser(), ...(existsSync(join(folder, USUAL[0]!)) ? { identityFile: `~/.ssh/${USUAL[0]}` } : {}) };
}
