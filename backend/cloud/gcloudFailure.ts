// What gcloud says when it fails, as one sentence with what to do.
import { PersonError } from "../personError.ts";
import { cleanOutput } from "../runs/output.ts";

type Known = [pattern: RegExp, message: (sentence: string, project: string, said: string) => string];

/** The order matters: refusals of a switched-off service are written as refusals of permission. */
const KNOWN: Known[] = [
  [/do not currently have an active account|gcloud auth login|Reauthentication (?:failed|required)|refreshing your current auth tokens|invalid_grant/i,
    () => "gcloud is not logged in to Google Cloud, or its login has run out. In a terminal: gcloud auth login"],
  [/SERVICE_DISABLED|has not been used in project|API \[tpu\.googleapis\.com\] not enabled/,
    (_, project) => `The Cloud TPU API is switched off in the project ${project}. In a terminal: gcloud services enable tpu.googleapis.com --project=${project}`],
  [/Invalid choice: '?(?:queued-resources|tpu-vm)/, () => "This gcloud is too old to know queued resources. In a terminal: gcloud components update"],
  [/Unable to find the server|Temporary failure in name resolution|Name or service not known|Network is unreachable|Failed to establish a new connection|Max retries exceeded/,
    () => "gcloud can't reach Google Cloud; look at this machine's network, VPN or proxy."],
  [/PERMISSION_DENIED|does not have permission|Permission '[^']*' denied|required permission/i,
    (sentence, project) => `Google Cloud refused it: ${sentence} The role TPU Admin (roles/tpu.admin) in the project ${project} allows it.`],
  [/RESOURCE_EXHAUSTED|Quota|quota/, (sentence) => `Google Cloud has no quota or no capacity for it: ${sentence} Ask for another type or zone, or for more quota in the console.`],
  [/ALREADY_EXISTS|already exists/i, (sentence) => `Something of this name is there already: ${sentence} Choose another name, or delete the old one first.`],
  [/INVALID_ARGUMENT|FAILED_PRECONDITION/, (sentence) => `Google Cloud does not take it like that: ${sentence}`],
  // An answer that gcloud could not read is printed as it came, headers first.
  [/HttpError accessing/, (_, __, said) => `Google Cloud failed: ${/"message": ?"([^"\n]{1,300})"/.exec(cleanOutput(said))?.[1] ?? "it gave no reason"}. Try again in a minute.`],
  [/NOT_FOUND|was not found/, (sentence) => `Google Cloud has nothing of this name there: ${sentence} Look at the name, project and zone.`],
];

/**
 * The error of a gcloud that failed.
 * @param said its standard error
 * @param missing whether there is no such program on this machine
 */
export function gcloudFailure(args: readonly string[], said: string, missing: boolean): PersonError {
  if (missing) return new PersonError("This machine has no gcloud program, on PATH or in ~/google-cloud-sdk, through which Cloud TPUs are looked at and asked for. Install the Google Cloud CLI (cloud.google.com/sdk/docs/install), then in a terminal: gcloud auth login");
  const detail = cleanOutput(said).trim().slice(-4000), project = args.find((arg) => arg.startsWith("--project="))?.slice("--project=".length) ?? "that is meant";
  const known = KNOWN.find(([pattern]) => pattern.test(said));
  return new PersonError(known ? known[1](sentenceOf(detail), project, said) : `gcloud failed: ${sentenceOf(detail)}`, { detail });
}

/** What stands behind "ERROR: (gcloud.compute…) STATUS:", on one line and as a sentence. */
function sentenceOf(detail: string): string {
  const error = /^ERROR: (?:\([^)]*\) )?(?:[A-Z]+(?:_[A-Z]+)*: )?([\s\S]*)/m.exec(detail)?.[1] ?? detail.split("\n").findLast((line) => line.trim() !== "") ?? "it said nothing.";
  // Lists of details and hints follow on lines of their own.
  const line = error.split(/\n(?:- |\s*\n|To )/)[0]!.replaceAll(/\s+/g, " ").trim().slice(0, 600);
  return /[.!?…]$/.test(line) ? line : `${line}.`;
}
