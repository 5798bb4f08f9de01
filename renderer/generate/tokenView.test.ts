import { expect, test } from "vitest";
import type { TextToken } from "../../contract/generation.ts";
import { expertCounts, expertMark, expertText, sendings, shownText, tokenName, tokenSentence } from "./tokenView.ts";

const token = (changes: Partial<TextToken> = {}): TextToken => ({ id: 7, text: " the", name: null, logProbability: Math.log(0.25), experts: [[3], [0, 2]], dropped: [], ...changes });
const layers = [{ stack: "decoder" as const, layer: 1, experts: 4 }, { stack: "decoder" as const, layer: 3, experts: 4 }];

test("what is drawn can always be seen", () => {
  expect(shownText(token())).toBe(" the");
  expect(shownText(token({ text: "a\n" }))).toBe("a↵\n");
  expect(shownText(token({ text: "" }))).toBe("·");
  expect(shownText(token({ text: "", name: "</s>" }))).toBe("</s>");
  expect(tokenName(token())).toBe("␣the");
  expect(tokenName(token({ text: '"\n' }))).toBe('\\"\\n');
});

test("a token's sentence says its probability and the expert of every layer", () => {
  expect(tokenSentence(token(), layers)).toBe("␣the · id 7 · probability 0.25 (log p −1.39) · decoder 1: expert 3 · decoder 3: expert 0, 2");
  expect(tokenSentence(token({ dropped: [1], logProbability: null }), layers)).toBe("␣the · id 7 · decoder 1: expert 3 · decoder 3: expert 0, 2, dropped");
  expect(tokenSentence(token({ experts: [] }), layers)).toContain("read by no layer");
  expect(tokenSentence(token({ experts: [] }), [])).toBe("␣the · id 7 · probability 0.25 (log p −1.39)");
  expect(sendings(token({ dropped: [0] }), layers)).toMatchObject([{ dropped: true }, { dropped: false }]);
  expect(expertText({ experts: [], dropped: false })).toBe("no expert");
});

test("experts are counted by first choice, and marks repeat only after forty", () => {
  expect(expertCounts([token(), token(), token({ experts: [[1], [0]] }), token({ experts: [] })], 0, 4).map(({ tokens }) => tokens)).toEqual([0, 1, 0, 2]);
  const marks = Array.from({ length: 41 }, (_, expert) => JSON.stringify(expertMark(expert)));
  expect(new Set(marks).size).toBe(40);
  expect(marks[40]).toBe(marks[0]);
});
