// How gcloud is run: found or not, too slow, cancelled, talkative, failing. The program is a test program on PATH.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PersonError } from "../personError.ts";
import { until } from "../fixtures/temporaryHome.ts";
import { runGcloud } from "./gcloud.ts";
import { gcloudFailure } from "./gcloudFailure.ts";

const { PATH: path, HOME: home } = process.env;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "switchyard-gcloud-"));
  mkdirSync(join(folder, "bin"));
  process.env["HOME"] = folder;
});
afterEach(() => {
  Object.assign(process.env, { PATH: path, HOME: home });
  rmSync(folder, { recursive: true, force: true });
});

function programThat(does: string): void {
  writeFileSync(join(folder, "bin/gcloud"), `#!/bin/sh\n${does}\n`);
  chmodSync(join(folder, "bin/gcloud"), 0o755);
  process.env["PATH"] = `${folder}/bin:${path}`;
}
/** It starts another process, as gcloud starts Python, and neither listens to a polite end. */
const STUBBORN = () => `trap '' TERM\nsleep 600 & echo $! > ${folder}/child\nwait; wait; sleep 600`;
const childEnds = async () => {
  await until(() => {
    try {
      return readFileSync(`/proc/${readFileSync(`${folder}/child`, "utf8").trim()}/stat`, "utf8").includes(") Z ");
    } catch {
      return true;
    }
  });
};
const failing = (run: Promise<unknown>): Promise<PersonError> => run.then(() => { throw new Error("It did not fail."); }, (error: unknown) => { expect(error).toBeInstanceOf(PersonError); return error as PersonError; });

test("its output comes back; arguments arrive as they are, and nothing is asked", async () => {
  programThat(`printf '%s|' "$@" "$CLOUDSDK_CORE_DISABLE_PROMPTS"; cat`);
  expect(await runGcloud(["a b", "$(touch x)", "--c=d e"], { seconds: 20 })).toBe("a b|$(touch x)|--c=d e|1|");
});

test("it is found where its installer puts it, though PATH doesn't say so", async () => {
  programThat("echo there");
  process.env["PATH"] = "/nowhere";
  mkdirSync(join(folder, "google-cloud-sdk"));
  renameSync(join(folder, "bin"), join(folder, "google-cloud-sdk/bin"));
  expect(await runGcloud([], { seconds: 20 })).toBe("there\n");
});

test("without gcloud the sentence says how to get it", async () => {
  process.env["PATH"] = `${folder}/bin`;
  expect((await failing(runGcloud(["config", "list"], { seconds: 20 }))).message).toMatch(/^This machine has no gcloud program.*Install the Google Cloud CLI/);
});

test("one that hangs is ended with all that it started", async () => {
  programThat(STUBBORN());
  expect((await failing(runGcloud([], { seconds: 0.5 }))).message).toContain("gave no answer within 0.5 s");
  await childEnds();
});

test("one that is cancelled is ended, before it was started as well", async () => {
  programThat(STUBBORN());
  const controller = new AbortController(), run = failing(runGcloud([], { seconds: 60, signal: controller.signal }));
  await until(() => { try { return readFileSync(`${folder}/child`, "utf8") !== ""; } catch { return false; } });
  controller.abort();
  expect((await run).message).toBe("gcloud was ended before it answered.");
  await childEnds();
  expect((await failing(runGcloud([], { seconds: 60, signal: controller.signal }))).message).toBe("gcloud was ended before it answered.");
});

test("an answer without end is cut off", async () => {
  programThat("exec yes gcloud");
  expect((await failing(runGcloud([], { seconds: 60 }))).message).toContain("more than 8 MiB");
});

test("what it says is the reason; the whole of it is the detail", async () => {
  programThat(`echo "WARNING: old" >&2; printf 'ERROR: (gcloud.compute.tpus.tpu-vm.list) Some \\033[31mreason\\n- details: x\\n' >&2; exit 1`);
  const { message, detail } = await failing(runGcloud(["compute"], { seconds: 20 }));
  expect([message, detail]).toEqual(["gcloud failed: Some reason.", "WARNING: old\nERROR: (gcloud.compute.tpus.tpu-vm.list) Some reason\n- details: x"]);
});

test.each<[string, string, RegExp]>([
  ["no login", "ERROR: (gcloud.compute.tpus.tpu-vm.list) You do not currently have an active account selected.\nPlease run:\n\n  $ gcloud auth login", /^gcloud is not logged in.*gcloud auth login$/],
  ["a login that ran out", "ERROR: (gcloud.x) There was a problem refreshing your current auth tokens: Reauthentication failed. cannot prompt during non-interactive execution.", /^gcloud is not logged in/],
  ["an API that is off", "ERROR: (gcloud.x) PERMISSION_DENIED: Cloud TPU API has not been used in project my-project before or it is disabled. Enable it by visiting https://…\n- '@type': type.googleapis.com/google.rpc.ErrorInfo\n  reason: SERVICE_DISABLED", /switched off in the project my-project\. .*gcloud services enable tpu\.googleapis\.com --project=my-project$/],
  ["no permission", "ERROR: (gcloud.x) PERMISSION_DENIED: Permission 'tpu.nodes.list' denied on 'projects/my-project/locations/z'", /^Google Cloud refused it: Permission 'tpu\.nodes\.list' denied .*\. The role TPU Admin \(roles\/tpu\.admin\) in the project my-project allows it\.$/],
  ["an old gcloud", "ERROR: (gcloud.compute.tpus) Invalid choice: 'queued-resources'.\nMaybe you meant:", /too old.*gcloud components update$/],
  ["no quota", "ERROR: (gcloud.x) RESOURCE_EXHAUSTED: Quota limit 'TPUV5sLitepodPerProjectPerZoneForTPUAPI' has been exceeded. Limit: 0 in zone us-central2-b.", /^Google Cloud has no quota or no capacity for it: Quota limit .*us-central2-b\. Ask/],
  ["a type that isn't one", "ERROR: (gcloud.x) INVALID_ARGUMENT: Accelerator type v5litepod-17 is not valid\n- '@type': x", /^Google Cloud does not take it like that: Accelerator type v5litepod-17 is not valid\.$/],
  ["a fault of Google Cloud", `ERROR: (gcloud.x) HttpError accessing <https://tpu.googleapis.com/v2/x>: response: <{${"'x-header': 'long', ".repeat(60)}'status': 500}>, content <{\n  "error": {\n    "code": 500,\n    "message": "an internal error has occurred"\n  }\n}\n>\nThis may be due to network connectivity issues.`, /^Google Cloud failed: an internal error has occurred\. Try again in a minute\.$/],
  ["a name that is taken", "ERROR: (gcloud.x) ALREADY_EXISTS: Resource 'projects/p/locations/z/queuedResources/pod' already exists", /^Something of this name is there already/],
  ["nothing there", "ERROR: (gcloud.x) NOT_FOUND: Resource 'pod' was not found", /^Google Cloud has nothing of this name there/],
  ["no network", "ERROR: gcloud crashed (ServerNotFoundError): Unable to find the server at tpu.googleapis.com", /^gcloud can't reach Google Cloud/],
  ["silence", "", /^gcloud failed: it said nothing\.$/],
])("%s is one sentence with its remedy", (_, said, sentence) => {
  const { message } = gcloudFailure(["compute", "--project=my-project"], said, false);
  expect(message).toMatch(sentence);
  expect(message).not.toContain("\n");
});
