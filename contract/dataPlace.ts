// Where the data of a run on a host lie, prepared already: a folder there, or a bucket that the host reads.
import { RemotePath } from "./hosts.ts";

const ADDRESS = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/]*)\/?(.*)$/;
/** S3 has no underscores in the names of buckets, Google Cloud Storage has, and longer names with dots. */
const BUCKETS = { gs: /^[a-z0-9](?:[a-z0-9._-]{1,220})[a-z0-9]$/, s3: /^[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]$/ } as const;
const LONGEST_PART = 63;

export interface Bucket { kind: keyof typeof BUCKETS; name: string; folder: string }

const isKind = (scheme: string): scheme is Bucket["kind"] => Object.hasOwn(BUCKETS, scheme);

/** The bucket that an address names; null of a folder, and a sentence where it is neither. */
function readPlace(place: string): Bucket | string | null {
  const [, scheme, name = "", rest = ""] = ADDRESS.exec(place) ?? [];
  if (scheme === undefined) return null;
  if (!isKind(scheme)) return `Data lie in a folder of the host, in Google Cloud Storage (gs://BUCKET/FOLDER) or in S3 (s3://BUCKET/FOLDER); ${scheme}:// is not read.`;
  if (!BUCKETS[scheme].test(name) || name.includes("..") || name.split(".").some((part) => part.length > LONGEST_PART))
    return `${name === "" ? "The address names no bucket" : `"${name}" can't be the name of a bucket`}: write ${scheme}://BUCKET/FOLDER, where a bucket has 3 to 63 small letters, digits${scheme === "gs" ? ", dashes and underscores" : " and dashes"}.`;
  const folder = rest.replace(/\/$/, "");
  if (folder.split("/").some((part, i) => part === "." || part === ".." || (part === "" && (i > 0 || folder !== "")))) return `The folder of a bucket has no empty, "." or ".." part; write it as the bucket's own list shows it.`;
  return { kind: scheme, name, folder };
}

/** The bucket that data lie in; null where it is a folder. */
export function bucketOf(place: string): Bucket | null {
  const read = readPlace(place);
  return typeof read === "string" ? null : read;
}

/** A folder of a host by its path, gs://BUCKET/FOLDER or s3://BUCKET/FOLDER. */
export const DataPlace = RemotePath.superRefine((place, context) => {
  const read = readPlace(place);
  if (typeof read === "string") context.addIssue({ code: "custom", message: read });
});
