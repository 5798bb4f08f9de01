// Checkpoints from a host, whole or not at all: their files are fetched beside their place, checked against the manifest, and appear by one rename.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CheckpointTransfer } from "../../contract/remoteRun.ts";
import { FILES, Manifest } from "../../contract/runDirectory.ts";
import { bytesOf } from "../../trainer/run/checkpoints.ts";
import { readJson } from "../../trainer/run/jsonFile.ts";
import { flushDirectory } from "../atomicFile.ts";
import { PersonError } from "../personError.ts";
import { HostError } from "./agentSession.ts";
import type { RemoteRun } from "./remoteRun.ts";
import { fetchFile } from "./transfer.ts";

/** A weight file larger than this is not fetched: a host could fill the disk with it. */
const MAX_CHECKPOINT_BYTES = 4e12;

export class CheckpointTransfers {
  readonly #going = new Map<string, { transfer: CheckpointTransfer; promise: Promise<void> }>();

  get list(): CheckpointTransfer[] {
    return [...this.#going.values()].map(({ transfer }) => ({ ...transfer }));
  }

  /** Resolves once the checkpoint is here; asked for twice, it is fetched once. @throws a sentence */
  download(run: RemoteRun, step: number): Promise<void> {
    const key = `${run.id} ${step}`, going = this.#going.get(key);
    if (going) return going.promise;
    const transfer: CheckpointTransfer = { runId: run.id, step, done: 0, total: 0 };
    const promise = fetchCheckpoint(run, step, (done, total) => Object.assign(transfer, { done, total })).finally(() => this.#going.delete(key));
    this.#going.set(key, { transfer, promise });
    return promise;
  }
}

async function fetchCheckpoint(run: RemoteRun, step: number, progress: (done: number, total: number) => void): Promise<void> {
  const name = `step-${step}`, folder = join(run.directory, FILES.checkpoints, name), aside = join(run.directory, FILES.checkpoints, `.${name}.partial`);
  if (readJson(join(folder, FILES.manifest), Manifest)) return;
  const there = await run.session();
  const text = await manifestText(run, there, name);
  const parsed = Manifest.safeParse(jsonOf(text));
  if (!parsed.success || parsed.data.step !== step) throw new PersonError(`The checkpoint of step ${step} on ${run.place} has a manifest that can't be read, so it was not fetched.`);
  const manifest = parsed.data, total = bytesOf(manifest);
  if (total > MAX_CHECKPOINT_BYTES) throw new PersonError(`The checkpoint of step ${step} on ${run.place} claims ${total} bytes; it was not fetched.`);
  mkdirSync(aside, { recursive: true, mode: 0o700 });
  // Of another version of the checkpoint nothing can be used.
  const begun = join(aside, FILES.manifest);
  if (existsSync(begun) && readFileSync(begun, "utf8") !== text) {
    rmSync(aside, { recursive: true });
    mkdirSync(aside, { mode: 0o700 });
  }
  writeFileSync(begun, text, { mode: 0o600, flush: true });
  let done = 0;
  for (const file of manifest.files) {
    if (file.name === FILES.manifest) continue;
    if (!existsSync(join(aside, file.name)))
      await fetchFile(there.session, { directory: there.directory, name: `${FILES.checkpoints}/${name}/${file.name}` }, file, join(aside, file.name), (bytes) => progress(done + bytes, total));
    progress(done += file.bytes, total);
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(aside, folder);
  flushDirectory(join(run.directory, FILES.checkpoints));
}

async function manifestText(run: RemoteRun, { session, directory }: Awaited<ReturnType<RemoteRun["session"]>>, name: string): Promise<string> {
  try {
    const { data, size } = await session.request("read", { directory, name: `${FILES.checkpoints}/${name}/${FILES.manifest}`, offset: 0 });
    const text = Buffer.from(data, "base64");
    if (text.length !== size) throw new PersonError(`The manifest of ${name} on ${run.place} is too large to be one.`);
    return text.toString("utf8");
  } catch (error) {
    if (error instanceof HostError && error.code === "absent") throw new PersonError(`There is no checkpoint ${name} on ${run.place} any more; newer ones may have taken its place.`);
    throw error;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
