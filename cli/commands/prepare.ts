// prepare SPEC.json FOLDER: the data of a spec as tokens, for a folder of hosts or a bucket.
import { constants, copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { phaseWords } from "../../contract/events.ts";
import { RunSpec } from "../../contract/runSpec.ts";
import { toIssues } from "../../contract/specIssues.ts";
import { prepareForHost } from "../../trainer/data/prepareForHost.ts";
import { UsageError, type Command } from "../commandLine.ts";
import { print } from "../print.ts";
import { changed, startOptions } from "./train.ts";
import { readSpecFile } from "../specFile.ts";
import { size } from "../table.ts";
import { TerminalLine } from "../terminalLine.ts";

export const prepare: Command = {
  name: "prepare", positional: ["SPEC.json", "FOLDER"], about: "Write the data of a spec as tokens, for \"train --data\".",
  details: "FOLDER must be empty or not exist. Copy it whole to each host, or into a bucket, and name it there: train SPEC.json --host NAME --data gs://BUCKET/FOLDER.",
  options: { set: startOptions.set },
  async run(parsed) {
    const [file, folder] = parsed.positional as [string, string], spec = RunSpec.safeParse(changed(readSpecFile(file), parsed));
    if (!spec.success) throw new UsageError(toIssues(spec.error).map(({ path, message }) => `${path}: ${message}`)[0]!);
    if (existsSync(folder) && !statSync(folder).isDirectory()) throw new UsageError(`${folder} is a file; name a folder.`);
    if (existsSync(folder) && readdirSync(folder).length > 0) throw new UsageError(`${folder} is not empty; name another folder, since it is to hold the data alone.`);
    const line = new TerminalLine();
    const { folder: prepared, files } = await prepareForHost(spec.data, (phase, done, total) => line.draw(`${phaseWords(phase)}  ${total > 0 ? Math.floor((100 * done) / total) : 100} %`)).finally(() => line.clear());
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // What says that it is whole comes last.
    for (const { name } of [...files].sort((a, b) => Number(a.name === INDEX) - Number(b.name === INDEX))) copyFileSync(join(prepared, name), join(folder, name), constants.COPYFILE_FICLONE);
    const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
    print(parsed.json, { folder, files: files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })), bytes }, `${folder} holds ${size(bytes)} of tokens in ${files.length} files.`);
    return 0;
  },
};

const INDEX = "index.json";
