// Prepares the data of a run directory as the backend does for a host: node prepare.ts RUN_DIRECTORY writes data.json there.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DataFile } from "../../contract/runDirectory.ts";
import { RunSpec } from "../../contract/runSpec.ts";
import { prepareForHost } from "../../trainer/data/prepareForHost.ts";

const run = process.argv[2]!;
const spec = RunSpec.parse(JSON.parse(readFileSync(join(run, "spec.json"), "utf8")));
const { folder, tokenizer } = await prepareForHost(spec, () => undefined);
writeFileSync(join(run, "data.json"), JSON.stringify({ v: 1, directory: folder, tokenizer } satisfies DataFile));
