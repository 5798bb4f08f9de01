import { expect, test } from "vitest";
import { random } from "../fixtures/writeRun.ts";
import { TagNames } from "./tagNames.ts";

test("a tag known by its bytes is the string that decoding gives, in any order, with more tags than slots and none of them UTF-8 for sure", () => {
  const next = random(11), names = new TagNames();
  // Few letters and lengths, so that hashes meet often and tags differ in their last byte alone.
  const tags = Array.from({ length: 5000 }, () => Buffer.from(Array.from({ length: 1 + Math.floor(next() * 6) }, () => [0x61, 0x62, 0xc3, 0xa4, 0xff, 0x2f][Math.floor(next() * 6)]!)));
  const block = Buffer.concat(tags), begins: number[] = [];
  tags.reduce((at, { length }) => (begins.push(at), at + length), 0);
  for (let round = 0; round < 30_000; round++) {
    const i = round < 10_000 ? round % 13 : Math.floor(next() * tags.length), begin = begins[i]!;
    expect(names.read(block, begin, begin + tags[i]!.length)).toBe(tags[i]!.toString("utf8"));
  }
});

test("the block that a tag came from may be used again", () => {
  const names = new TagNames(), block = Buffer.from("loss");
  expect(names.read(block, 0, 4)).toBe("loss");
  block.write("lass");
  expect(names.read(block, 0, 4)).toBe("lass");
  expect(names.read(Buffer.from("loss"), 0, 4)).toBe("loss");
});
