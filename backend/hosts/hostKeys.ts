// Keys of hosts. OpenSSH asks about an unknown one and stores it in the person's known_hosts; here its question is read, and a
// changed key is compared with what known_hosts holds.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ChangedKey, HostPrompt, HostTarget } from "../../contract/hosts.ts";
import { quoteForShell } from "./remoteShell.ts";
import { sshSettings } from "./sshConfig.ts";

type HostKey = NonNullable<HostPrompt["hostKey"]>;

/** ssh's question about an unknown key, or null where the text is another question. */
export function hostKeyQuestion(text: string): HostKey | null {
  const name = /^The authenticity of host '([^']+)' can't be established\./.exec(text)?.[1];
  const [, type, fingerprint] = /^(\S+) key fingerprint is ((?:SHA256|MD5):\S+?)\.?$/m.exec(text) ?? [];
  if (name === undefined || type === undefined || fingerprint === undefined) return null;
  const art = /^\+--.*\n(?:\|.*\n)+\+--.*$/m.exec(text)?.[0] ?? null;
  // "name (address)" is said even where both are the same.
  const [, first, second] = /^(.*) \((.*)\)$/.exec(name) ?? [];
  return { name: first !== undefined && first === second ? first : name, type, fingerprint, art };
}

/** Options of a login during which a person can be asked: strict by the person's own settings where these are stricter. */
export async function strictness(target: HostTarget, configFile: string | null): Promise<string[]> {
  const own = (await sshSettings(target, configFile)).get("stricthostkeychecking")?.[0];
  return [own === "true" || own === "yes" ? "StrictHostKeyChecking=yes" : "StrictHostKeyChecking=ask", "VisualHostKey=yes"];
}

const execute = promisify(execFile);

/** Both sides of a changed key, from what ssh said and from the known_hosts that it reads. */
export async function changedKey(target: HostTarget, configFile: string | null, said: string): Promise<ChangedKey | null> {
  const name = /^Host key for (\S+) has changed/m.exec(said)?.[1];
  const [, type, fingerprint] = /^The fingerprint for the (\S+) key sent by the remote host is\s*\n(SHA256:[A-Za-z0-9+/=]+)/m.exec(said) ?? [];
  if (name === undefined || !/^[A-Za-z0-9_[][A-Za-z0-9._:%[\]-]*$/.test(name)) return null;
  const settings = await sshSettings(target, configFile);
  const files = ["userknownhostsfile", "globalknownhostsfile"].flatMap((key) => settings.get(key)?.[0]?.split(" ") ?? [])
    .map((file) => (file.startsWith("~/") ? join(homedir(), file.slice(2)) : file)).filter((file) => file.startsWith("/") && existsSync(file));
  const known: ChangedKey["known"] = [];
  let holder: string | null = null;
  for (const file of files) {
    const { stdout } = await execute("ssh-keygen", ["-l", "-F", name, "-f", file], { timeout: 10_000 }).catch(() => ({ stdout: "" }));
    for (const line of stdout.split("\n")) {
      const [, type, fingerprint] = /^\S+ (\S+) (SHA256:\S+)/.exec(line) ?? [];
      if (line.startsWith("#") || type === undefined || fingerprint === undefined) continue;
      known.push({ type, fingerprint });
      holder ??= file;
    }
  }
  return {
    name, known, offered: type === undefined || fingerprint === undefined ? null : { type, fingerprint },
    removal: `ssh-keygen -f ${quoteForShell(holder ?? files[0] ?? "~/.ssh/known_hosts")} -R ${quoteForShell(name)}`,
  };
}
