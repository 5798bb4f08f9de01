// What each request does. The dispatcher in application.ts has checked the arguments and will check the results.
import { existsSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { isImported, type Handlers, type RunSummary } from "../contract/handlers.ts";
import { FILES, Manifest } from "../contract/runDirectory.ts";
import { NOTHING_ASKED, type Asked } from "../contract/asked.ts";
import { untrainableFields } from "../contract/remoteTrainer.ts";
import { RunSpec, type RunSpec as Spec } from "../contract/runSpec.ts";
import { sqliteVersion } from "../db/database.ts";
import { readAlerts, readCheckpoints, readLog } from "../db/eventRows.ts";
import { layers, routingAt, routingSteps } from "../db/routingRows.ts";
import { labelRun, listRuns, metricNames, newestOrdinal, readingCounts, readRun, runKey, specText, type RunLabels } from "../db/runRows.ts";
import type { Application } from "./application.ts";
import { createTpuHandlers } from "./cloud/handlers.ts";
import { readDevices } from "./devices.ts";
import { hindrance } from "./hosts/foundRun.ts";
import { createHostHandlers } from "./hosts/handlers.ts";
import { createRemoteHandlers } from "./hosts/remoteHandlers.ts";
import { importLogs } from "./imports/importInProcess.ts";
import { nothingFound } from "./imports/importLog.ts";
import { importModel, inspectModel } from "./models/importModel.ts";
import { deleteModel, findModel, listModels } from "./models/store.ts";
import { PersonError } from "./personError.ts";
import { purge } from "./runs/deletion.ts";
import { inspectSource } from "./runs/inspection.ts";
import { createRunDirectory, launchTrainer } from "./runs/launch.ts";
import { readOutput } from "./runs/output.ts";
import { controlRequested, requestControl } from "./runs/runFiles.ts";
import { checkSpec } from "./runs/specCheck.ts";
import { distillationReport } from "./runs/distillationReport.ts";
import { knownOf, specDifferences } from "./runs/specDifferences.ts";
import { withSteps } from "./runs/specWeights.ts";
import { VERSION } from "./version.ts";
import { readJson } from "../trainer/run/jsonFile.ts";

const OK = { ok: true } as const;
/** An unreachable run may go on where it is. */
const GOING = new Set<RunSummary["status"]>(["starting", "preparing", "running", "stopping", "unreachable"]);
export const isGoing = (run: Pick<RunSummary, "status">): boolean => GOING.has(run.status);

export function createHandlers(application: Application, trainer?: readonly string[]): Handlers {
  const { db, home, ingest, readers, remotes, subscriptions } = application;
  const directory = (id: string) => join(home.runs, id);

  const key = (id: string): number => {
    const run = runKey(db, id);
    if (run === null) throw new PersonError(`There is no run ${id}; it may have been removed.`);
    return run;
  };
  const summary = (id: string): RunSummary => readRun(db, key(id), true)!;
  const known = <T>(id: string, result: T | null): T => {
    if (result === null) throw new PersonError(`There is no run ${id}; it may have been removed.`);
    return result;
  };
  const follower = (id: string) => {
    const found = ingest.followers.get(id) ?? ingest.adopt(id);
    if (!found) throw new PersonError(`The folder of run ${id} is gone; what was recorded can still be looked at.`);
    return found;
  };
  /** Of a run on another machine that is not watched, its link is tried first. */
  const followed = (id: string) => {
    const remote = remotes.of(id);
    if (remote && !remote.file.detached) remote.follow();
    return remote;
  };
  const fresh = (id: string): RunSummary => {
    ingest.refresh(follower(id));
    return summary(id);
  };
  const label = (id: string, labels: Partial<RunLabels>) => {
    labelRun(db, key(id), labels);
    subscriptions.changed(id);
    return OK;
  };
  const spec = (id: string): Spec => RunSpec.parse(JSON.parse(specText(db, key(id))));
  const launch = (id: string, asked: Asked) => {
    const run = follower(id);
    run.launching = launchTrainer(run.directory, asked, () => ingest.refresh(run), trainer);
    ingest.refresh(run);
    subscriptions.changed(id);
  };

  return {
    "app.info": () => ({
      version: VERSION, home: home.directory, node: process.versions.node, sqlite: sqliteVersion(db), host: hostname(), pid: process.pid, userHome: homedir(),
    }),
    "runs.list": () => listRuns(db),
    "runs.get": ({ runId }) => ({
      summary: summary(runId), spec: spec(runId), directory: directory(runId), metricNames: metricNames(db, key(runId)),
      sparseLayers: layers(db, key(runId)), passedOver: readingCounts(db, key(runId)), cursor: newestOrdinal(db, key(runId)),
    }),
    "runs.start": async ({ spec, where }) => {
      const checked = checkSpec(spec, home);
      if (!checked.spec) throw new PersonError(specSentence(checked.issues), { issues: checked.issues });
      if (where) refuseUntrainable(checked.spec);
      if (where) await application.hosts.prepare(where.host);
      if (where) return { runId: remotes.start(withSteps(checked.spec, home), where.host, { data: where.data ?? null }) };
      const id = createRunDirectory(home.runs, withSteps(checked.spec, home));
      known(id, ingest.adopt(id));
      launch(id, NOTHING_ASKED);
      return { runId: id };
    },
    "runs.import": async ({ path, ...mapping }) => {
      const imported = await importLogs(home, path, mapping), full = imported.filter(({ rows }) => rows > 0);
      for (const { runId, kept } of imported) if (kept) ingest.refresh(follower(runId));
      if (full.length === 0) throw new PersonError(nothingFound([path], imported.flatMap(({ problems }) => problems)));
      return { runs: full.map(({ runId, name, rows }) => ({ runId, name, rows })) };
    },
    "runs.stop": async ({ runId }) => {
      const remote = followed(runId), run = fresh(runId);
      if (isImported(run)) throw new PersonError(`"${run.name}" is imported from another trainer's log and can't be stopped from here.`);
      if (!isGoing(run)) throw new PersonError(`"${run.name}" is not going: it has already ended.`);
      if (remote) {
        await remote.stop().catch((error: Error) => { throw new PersonError(`"${run.name}" could not be told to stop, and is left alone: ${error.message}`); });
        ingest.refresh(follower(runId));
        return OK;
      }
      if (controlRequested(directory(runId), "stop")) follower(runId).hurryStop();
      else requestControl(directory(runId), "stop");
      ingest.refresh(follower(runId));
      return OK;
    },
    "runs.resume": async ({ runId, steps, mesh }) => {
      const run = fresh(runId), remote = remotes.of(runId);
      if (isImported(run)) throw new PersonError(`"${run.name}" is imported from another trainer's log: only that trainer can go on with it.`);
      if (run.status === "unreachable") throw new PersonError(`Whether "${run.name}" still goes is not known, so it was not resumed. ${run.statusMessage ?? ""}`.trim());
      if (isGoing(run)) throw new PersonError(`"${run.name}" is still going; stop it before resuming it.`);
      if (run.deletedAt !== null) throw new PersonError(`"${run.name}" is deleted; restore it before resuming it.`);
      const wanted = steps ?? run.steps;
      if (wanted <= run.step) throw new PersonError(`"${run.name}" has finished all its ${run.step} steps; ask for more steps to go on.`);
      const written = spec(runId), checked = mesh && RunSpec.safeParse({ ...written, mesh });
      if (checked && !checked.success) throw new PersonError(checked.error.issues[0]!.message);
      const asked: Asked = { steps: wanted === written.training.steps ? null : wanted, mesh: mesh ?? null };
      if (!remote) launch(runId, asked);
      else if (remote.file.launch && !remote.file.launch.found) remote.start(asked, { from: null, data: remote.file.launch.data });
      else {
        const hindered = await hindrance(remote).catch((error: Error) => { throw new PersonError(`"${run.name}" was not resumed: ${error.message}`); });
        if (hindered !== null) throw new PersonError(`"${run.name}" ${hindered}`);
        // Meanwhile another window may have resumed it.
        if (isGoing(fresh(runId))) throw new PersonError(`"${run.name}" is still going; stop it before resuming it.`);
        remote.start(asked, { from: null, data: null, found: true });
      }
      return OK;
    },
    "runs.checkpoint": async ({ runId }) => {
      const remote = followed(runId), run = fresh(runId);
      if (!isGoing(run) || isImported(run)) throw new PersonError(`"${run.name}" is not ${isImported(run) ? "trained here" : "going"}, so it can't write a checkpoint.`);
      if (remote) await remote.checkpoint();
      else requestControl(directory(runId), "checkpoint");
      return OK;
    },
    "runs.rename": ({ runId, name }) => label(runId, { name }),
    "runs.tag": ({ runId, tags }) => label(runId, { tags: [...new Set(tags)] }),
    "runs.note": ({ runId, note }) => label(runId, { note }),
    "runs.colour": ({ runId, colour }) => label(runId, { colour }),
    "runs.archive": ({ runId, archived }) => label(runId, { archived }),
    "runs.delete": ({ runId }) => {
      const run = existsSync(directory(runId)) ? fresh(runId) : summary(runId);
      // Of a run on another machine only what is here is deleted; there it is left alone, and goes on if it does.
      void (remotes.of(runId) ?? remotes.log(runId))?.leave();
      if (isGoing(run) && run.host === null && existsSync(directory(runId))) throw new PersonError(`"${run.name}" is still going; stop it before deleting it.`);
      return label(runId, { deletedAt: run.deletedAt ?? Date.now() / 1000 });
    },
    "runs.restore": ({ runId }) => {
      label(runId, { deletedAt: null });
      if (summary(runId).status === "unreachable") followed(runId);
      return OK;
    },
    "runs.purge": ({ runId }) => {
      const run = summary(runId);
      if (run.deletedAt === null) throw new PersonError(`"${run.name}" is not deleted; delete it before removing it for good.`);
      void remotes.forget(runId);
      ingest.forget(runId);
      purge(db, home.runs, runId);
      subscriptions.removed(runId);
      return OK;
    },
    "runs.export": async ({ runId, format, what }) => {
      const { name } = summary(runId);
      const text = known(runId, await readers.query("exportRun", runId, format, what));
      return { fileName: `${fileStem(name)}-${what}.${format}`, mediaType: format === "csv" ? "text/csv" : "application/json", text };
    },
    "runs.compare": ({ runIds }) => specDifferences(runIds.map((id) => knownOf(spec(id)))),
    "runs.distillation": ({ runId, denseRunId }) => {
      const evaluated = (id: string) => ({ summary: summary(id), spec: spec(id) });
      return distillationReport(evaluated(runId), evaluated(denseRunId));
    },
    "runs.alerts": ({ runId }) => readAlerts(db, key(runId)),
    "runs.log": ({ runId, before, limit }) => readLog(db, key(runId), before, limit),
    "runs.output": ({ runId }) => (key(runId), readOutput(join(directory(runId), FILES.log))),
    "runs.checkpoints": ({ runId }) => {
      const remote = remotes.of(runId), all = readCheckpoints(db, key(runId));
      // The disk has the last word: a checkpoint without its manifest does not exist.
      const here = (step: number) => readJson(join(directory(runId), FILES.checkpoints, `step-${step}`, FILES.manifest), Manifest) !== null;
      return all.map((checkpoint) => {
        const { step, present } = checkpoint;
        if (!remote) return { ...checkpoint, present: present && here(step), remote: false };
        return { ...checkpoint, present: here(step), remote: present && (remote.checkpoints?.includes(step) ?? true) };
      });
    },
    "metrics.series": async ({ runId, ...query }) => known(runId, await readers.query("series", runId, query)),
    "routing.at": ({ runId, step }) => routingAt(db, key(runId), step ?? Number.MAX_SAFE_INTEGER),
    "routing.history": async ({ runId, ...query }) => known(runId, await readers.query("routingHistory", runId, query)),
    "routing.steps": ({ runId }) => routingSteps(db, key(runId)),
    "spec.validate": ({ spec }) => ({ issues: checkSpec(spec, home).issues }),
    "data.inspect": ({ source, tokenizer }) => inspectSource(source, tokenizer),
    "models.list": () => listModels(home).map(({ file }) => file),
    "models.info": ({ modelId }) => {
      const { file, directory } = findModel(home, modelId);
      return { ...file, directory };
    },
    "models.inspect": ({ directory }) => inspectModel(directory),
    "models.import": async ({ directory, name }) => ({ modelId: await importModel(home, directory, name) }),
    "models.delete": ({ modelId }) => {
      deleteModel(home, modelId);
      return OK;
    },
    "devices.read": () => readDevices(),
    ...createHostHandlers(application.hosts),
    ...createTpuHandlers(application.tpus),
    ...createRemoteHandlers(application, {
      name: (id) => summary(id).name, spec, recorded: (id) => readCheckpoints(db, key(id)).filter(({ present }) => present).map(({ step }) => step), launch, mayTrainElsewhere: refuseUntrainable,
    }),
  };
}

/** What a host can't train is told before anything is sent. */
function refuseUntrainable(spec: Spec): void {
  const issues = untrainableFields(spec);
  if (issues.length > 0) throw new PersonError(specSentence(issues), { issues });
}

const specSentence = (issues: { path: string; message: string }[]) =>
  issues.length === 1
    ? `The run was not started: ${issues[0]!.path ? `${issues[0]!.path}: ` : ""}${issues[0]!.message}`
    : `The run was not started: ${issues.length} fields of its spec need a change, first ${issues[0]!.path || "the spec itself"}: ${issues[0]!.message}`;

/** A name as part of a file name: letters and digits of any script, the rest dashes. */
const fileStem = (name: string) => name.normalize("NFC").replaceAll(/[^\p{L}\p{N}._-]+/gu, "-").replaceAll(/^[.-]+|-+$/g, "").slice(0, 80) || "run";
