// The requests about runs on other machines.
import { constants, copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { NOTHING_ASKED, type Asked } from "../../contract/asked.ts";
import { bucketOf } from "../../contract/dataPlace.ts";
import type { Handlers } from "../../contract/handlers.ts";
import type { remoteRequests } from "../../contract/remoteRun.ts";
import { FILES } from "../../contract/runDirectory.ts";
import { RunSpec } from "../../contract/runSpec.ts";
import { listCheckpoints } from "../../trainer/run/checkpoints.ts";
import { PersonError } from "../personError.ts";
import { createRunDirectory } from "../runs/launch.ts";
import type { Application } from "../application.ts";
import { CheckpointTransfers } from "./checkpointTransfer.ts";
import type { RemoteRun } from "./remoteRun.ts";

const OK = { ok: true } as const;

export interface RunDoor {
  name(id: string): string;
  spec(id: string): RunSpec;
  /** Steps of the checkpoints that a run says it has. */
  recorded(id: string): number[];
  /** Starts the trainer of this machine in a run directory. */
  launch(id: string, asked: Asked): void;
  /** @throws where the trainer of hosts can't do what the spec asks for */
  mayTrainElsewhere(spec: RunSpec): void;
}

export function createRemoteHandlers({ hosts, remotes, home, ingest }: Pick<Application, "hosts" | "remotes" | "home" | "ingest">, door: RunDoor): Pick<Handlers, keyof typeof remoteRequests> {
  const transfers = new CheckpointTransfers();
  const remote = (id: string): RemoteRun => {
    const run = remotes.of(id);
    if (!run) throw new PersonError(`"${door.name(id)}" is a run of this machine.`);
    return run;
  };

  /** Step of the checkpoint that is meant, which lies here when this returns. */
  const fetched = async (id: string, step: number | null): Promise<number> => {
    const run = remotes.of(id), here = listCheckpoints(join(home.runs, id)).map(({ manifest }) => manifest.step);
    const wanted = step ?? Math.max(...here, ...(run ? run.checkpoints ?? door.recorded(id) : []));
    if (!Number.isFinite(wanted)) throw new PersonError(`"${door.name(id)}" has no checkpoint to go on from yet.`);
    if (!here.includes(wanted)) {
      if (!run) throw new PersonError(`"${door.name(id)}" has no checkpoint of step ${wanted}.`);
      await transfers.download(run, wanted);
    }
    return wanted;
  };

  return {
    "hosts.runs": async ({ name, path }) => {
      await hosts.prepare(name);
      return remotes.list(name, path);
    },
    "runs.attach": async ({ host, directory }) => {
      await hosts.prepare(host);
      return { runId: await remotes.attach(host, directory) };
    },
    "hosts.logs": async ({ name, path }) => {
      await hosts.prepare(name);
      return { logs: await remotes.logs(name, path) };
    },
    "runs.attachLog": async ({ host, path, format, metrics, columns }) => {
      await hosts.prepare(host);
      return { runId: await remotes.attachLog(host, path, format, { metrics, columns }) };
    },
    "runs.detach": async ({ runId }) => {
      await (remotes.log(runId) ?? remote(runId)).detach();
      return OK;
    },
    "runs.reconnect": async ({ runId }) => {
      const log = remotes.log(runId), run = log ?? remote(runId);
      await hosts.prepare(run.host);
      if (log || remotes.of(runId)?.file.detached) run.attach();
      else run.follow();
      await remotes.link(run.host).connectNow();
      return OK;
    },
    "runs.remote": ({ runId }) => {
      const run = remotes.of(runId), log = remotes.log(runId);
      if (log) return { place: log.host, workers: [{ host: log.host, process: 0 }], directory: log.file.path, detached: !log.file.following, copied: log.copied, watched: log.following, link: remotes.link(log.host).condition };
      return run && { place: run.place, workers: run.file.workers, directory: run.file.directory, detached: run.file.detached, copied: run.copied, watched: run.following, link: remotes.link(run.host).condition };
    },
    "runs.download": async ({ runId, step }) => {
      await transfers.download(remote(runId), step);
      return OK;
    },
    "runs.transfers": () => transfers.list,
    "runs.continue": async ({ runId, step, where, steps, mesh }) => {
      const source = door.spec(runId), from = await fetched(runId, step);
      const wanted = steps ?? source.training.steps;
      if (wanted <= from) throw new PersonError(`"${door.name(runId)}" had finished step ${from} of ${source.training.steps}; ask for more steps to go on from there.`);
      // Devices differ from one machine to the next, and a mesh fits devices.
      const parsed = RunSpec.safeParse({ ...source, name: `${source.name.slice(0, 180)}, continued`, lineage: { kind: "duplicate", runId }, device: "auto", mesh: mesh ?? (where ? source.mesh : {}) });
      if (!parsed.success) throw new PersonError(parsed.error.issues[0]!.message);
      const asked: Asked = { ...NOTHING_ASKED, steps: wanted === source.training.steps ? null : wanted };
      if (where) door.mayTrainElsewhere(parsed.data);
      if (where) await hosts.prepare(where.host);
      if (where) return { runId: remotes.start(parsed.data, where.host, { from: { runId, step: from }, data: where.data ?? dataFor(where.host, remotes.of(runId)) }, asked) };
      const id = createRunDirectory(home.runs, parsed.data);
      copyCheckpoint(join(home.runs, runId), join(home.runs, id), from);
      ingest.adopt(id);
      door.launch(id, asked);
      return { runId: id };
    },
  };
}

/** The bucket that a run was trained from, which other hosts read as well, or the folder of its own host; null where its data are sent. */
function dataFor(host: string, run: RemoteRun | null): string | null {
  const data = run?.file.launch?.data ?? null;
  return data !== null && (bucketOf(data) !== null || run!.place === host) ? data : null;
}

/** Into a run that begins with it. A copy: either run may remove its own. */
function copyCheckpoint(from: string, to: string, step: number): void {
  const found = listCheckpoints(from).find(({ manifest }) => manifest.step === step)!;
  const folder = join(to, FILES.checkpoints, `step-${step}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of [...found.manifest.files.map((file) => file.name), FILES.manifest]) copyFileSync(join(found.folder, name), join(folder, name), constants.COPYFILE_FICLONE);
}
