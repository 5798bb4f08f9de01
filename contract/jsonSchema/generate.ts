// JSON Schemas of the run directory for programs in other languages: node contract/jsonSchema/generate.ts writes them here.
import { writeFileSync } from "node:fs";
import { z } from "zod";
import { RunEvent } from "../events.ts";
import { ControlFile, ExitFile, HeartbeatFile, Manifest, ProcessFile } from "../runDirectory.ts";
import { RunSpec } from "../runSpec.ts";

const SCHEMAS = { spec: RunSpec, event: RunEvent, process: ProcessFile, heartbeat: HeartbeatFile, exit: ExitFile, control: ControlFile, manifest: Manifest };

/** File name → its text. What is written is the input side: fields with defaults may be left out. */
export const jsonSchemas = (): Map<string, string> =>
  new Map(Object.entries(SCHEMAS).map(([name, schema]) => [`${name}.schema.json`, `${JSON.stringify(z.toJSONSchema(schema, { io: "input" }), null, 2)}\n`]));

if (import.meta.main) for (const [name, text] of jsonSchemas()) writeFileSync(new URL(name, import.meta.url), text);
