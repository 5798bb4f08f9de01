import { expect, test } from "vitest";
import { bucketOf, DataPlace } from "./dataPlace.ts";

const said = (place: string) => DataPlace.safeParse(place).error?.issues[0]?.message ?? null;

test.each([
  ["/data/prepared-5f0c", null],
  ["~/data", null],
  ["gs://my-corpora/books", { kind: "gs", name: "my-corpora", folder: "books" }],
  ["gs://my_corpora.example.org/a/b/", { kind: "gs", name: "my_corpora.example.org", folder: "a/b" }],
  ["s3://my-corpora", { kind: "s3", name: "my-corpora", folder: "" }],
  ["s3://my-corpora/a b/ü#?%", { kind: "s3", name: "my-corpora", folder: "a b/ü#?%" }],
])("%s is a place", (place, bucket) => {
  expect(said(place)).toBeNull();
  expect(bucketOf(place)).toEqual(bucket);
});

test.each([
  ["https://example.org/books", "Data lie in a folder of the host, in Google Cloud Storage (gs://BUCKET/FOLDER) or in S3 (s3://BUCKET/FOLDER); https:// is not read."],
  ["hf://datasets/books", "Data lie in a folder of the host, in Google Cloud Storage (gs://BUCKET/FOLDER) or in S3 (s3://BUCKET/FOLDER); hf:// is not read."],
  ["gs://", "The address names no bucket: write gs://BUCKET/FOLDER, where a bucket has 3 to 63 small letters, digits, dashes and underscores."],
  ["gs://My/books", '"My" can\'t be the name of a bucket: write gs://BUCKET/FOLDER, where a bucket has 3 to 63 small letters, digits, dashes and underscores.'],
  ["s3://my_corpora/books", '"my_corpora" can\'t be the name of a bucket: write s3://BUCKET/FOLDER, where a bucket has 3 to 63 small letters, digits and dashes.'],
  ["s3://a..b/books", '"a..b" can\'t be the name of a bucket: write s3://BUCKET/FOLDER, where a bucket has 3 to 63 small letters, digits and dashes.'],
  ["gs://my-corpora/a/../b", 'The folder of a bucket has no empty, "." or ".." part; write it as the bucket\'s own list shows it.'],
  ["gs://my-corpora//a", 'The folder of a bucket has no empty, "." or ".." part; write it as the bucket\'s own list shows it.'],
  ["gs://my-corpora/a\u0007", "A path has no line breaks."],
])("%s is refused in a sentence", (place, sentence) => expect(said(place)).toBe(sentence));
