// The person's own ssh configuration: which hosts it names, and where ssh would go. Reading it for real is OpenSSH's work (`ssh -G`).
import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { HostName, type HostTarget, type ResolvedHost } from "../../contract/hosts.ts";
import { PersonError } from "../personError.ts";
import { plainReason } from "../personError.ts";
import { failureOf } from "./sshFailure.ts";
import { sshConfigFile, targetArguments } from "./ssh.ts";

/** Include within Include goes no deeper in OpenSSH either. */
const DEEPEST = 16;
const MOST_FILES = 200, MOST_HOSTS = 1000, MOST_BYTES = 1 << 20;

export interface ConfiguredHosts { names: string[]; problems: string[] }

/** Names of the Host entries of ~/.ssh/config and of what it includes, in their order. Patterns and negations are no hosts. */
export function configuredHosts(configFile: string | null = sshConfigFile(), home = homedir()): ConfiguredHosts {
  const folder = join(home, ".ssh");
  const names = new Set<string>(), problems: string[] = [];
  let files = 0;
  const read = (file: string, depth: number) => {
    if (depth > DEEPEST || ++files > MOST_FILES) return;
    let text: string;
    try {
      text = readFileSync(file, "utf8").slice(0, MOST_BYTES);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") problems.push(`${file} can't be read (${plainReason(error)}), so its hosts are not listed.`);
      return;
    }
    for (const line of text.split("\n")) {
      const [keyword, ...words] = tokens(line.trimEnd());
      if (keyword === "host") for (const word of words) {
        if (names.size < MOST_HOSTS && HostName.safeParse(word).success) names.add(word);
      } else if (keyword === "include") for (const word of words) for (const included of expand(word, folder, home)) read(included, depth + 1);
    }
  };
  read(configFile ?? join(folder, "config"), 0);
  return { names: [...names], problems };
}

function expand(pattern: string, folder: string, home: string): string[] {
  const path = pattern === "~" || pattern.startsWith("~/") ? join(home, pattern.slice(1)) : isAbsolute(pattern) ? pattern : join(folder, pattern);
  return /[*?[]/.test(path) ? globSync(path).toSorted() : [path];
}

/** Keyword in lower case and its arguments; quotes hold spaces, and "=" may follow the keyword. */
function tokens(line: string): string[] {
  const [, keyword, rest] = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*)$/.exec(line) ?? [];
  if (keyword === undefined || rest === undefined) return [];
  const words = [...rest.matchAll(/"([^"]*)"|(#.*)|(\S+)/g)].flatMap(([, quoted, comment, bare]) => (comment !== undefined ? [] : [quoted ?? bare!]));
  return [keyword.toLowerCase(), ...words];
}

const execute = promisify(execFile);

/** All that `ssh -G` says of a target, by keyword; a keyword may come several times. @throws PersonError in one sentence */
export async function sshSettings(target: HostTarget, configFile: string | null = sshConfigFile()): Promise<Map<string, string[]>> {
  try {
    const { stdout } = await execute("ssh", ["-G", ...targetArguments(target, configFile), "--", target.address], { encoding: "utf8", timeout: 20_000, maxBuffer: 1 << 20 });
    const settings = new Map<string, string[]>();
    for (const line of stdout.split("\n")) {
      const space = line.indexOf(" ");
      if (space > 0) settings.set(line.slice(0, space), [...(settings.get(line.slice(0, space)) ?? []), line.slice(space + 1)]);
    }
    return settings;
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    const failure = failureOf(target.address, stderr ?? "", 255, code === "ENOENT")!;
    throw new PersonError(`${failure.message} ${failure.remedy}`, { detail: failure.detail });
  }
}

/** Where ssh would go. */
export async function resolveHost(target: HostTarget, configFile?: string | null): Promise<ResolvedHost> {
  const settings = await sshSettings(target, configFile);
  const one = (name: string) => settings.get(name)?.[0] ?? "";
  const proxy = [one("proxyjump"), one("proxycommand")].find((value) => value !== "" && value !== "none") ?? null;
  return { hostname: one("hostname"), user: one("user"), port: Number(one("port")) || 22, proxy, identityFiles: settings.get("identityfile") ?? [] };
}
