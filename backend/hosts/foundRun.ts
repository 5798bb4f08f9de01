// Going on with a run that was found on a host: only where its directory holds what the trainer that is sent there needs.
import { z } from "zod";
import { FILES } from "../../contract/runDirectory.ts";
import { cleanOutput } from "../runs/output.ts";
import { readProcess } from "../runs/runFiles.ts";
import { HostError, type AgentSession } from "./agentSession.ts";
import { REMOTE_TRAINER } from "./launchRemote.ts";
import type { RemoteRun } from "./remoteRun.ts";

const LaunchFile = z.object({ argv: z.array(z.string()) });

/** Why it can't be gone on with from here, in words that follow its name; null where it can. @throws HostError */
export async function hindrance(run: RemoteRun): Promise<string | null> {
  const anew = "go on from one of its checkpoints in a new run";
  if (!readProcess(run.directory)?.argv.includes(REMOTE_TRAINER)) return `was trained there by another trainer than the one that is sent to hosts, so only that one can resume it; or ${anew}.`;
  const { session, directory } = await run.session();
  const processes = processesOf(await fileOf(session, directory, "launch.json"));
  if (processes > 1) return `was trained by ${processes} processes on several hosts, of which only ${run.host} is known here: ${anew} on their cluster.`;
  if (await fileOf(session, directory, FILES.data) === null) return `has no ${FILES.data} in ${cleanOutput(directory)} on ${run.host}, which would say where its data lie: ${anew}.`;
  return null;
}

/** Of a start that its launch.json notes; 1 where it says nothing of several. */
function processesOf(launch: string | null): number {
  try {
    const { argv } = LaunchFile.parse(JSON.parse(launch ?? ""));
    return argv.includes("--processes") ? Number(argv[argv.indexOf("--processes") + 1]) : 1;
  } catch {
    return 1;
  }
}

/** A small file of a run; null where there is none. */
async function fileOf(session: AgentSession, directory: string, name: string): Promise<string | null> {
  try {
    const { data } = await session.request("read", { directory, name, offset: 0 });
    return Buffer.from(data, "base64").toString("utf8");
  } catch (error) {
    if (error instanceof HostError && error.code === "absent") return null;
    throw error;
  }
}
