import { expect, test } from "vitest";
import { lineFacts, lineSentence, linesSentence, shortName } from "./summary.ts";

const facts = (steps: number[], values: number[], name = "sample", min = values, max = values) => lineFacts(name, steps, values, min, max, steps.length)!;

test("says from where to where in how many steps", () => {
  expect(lineSentence("cross-entropy", "nats/token", facts([0, 200, 412], [5.551, 3, 2.312]))).toBe("cross-entropy fell from 5.55 to 2.31 in 412 steps");
});
test("a rate has a median, not a course: its last value is chance", () => {
  expect(lineSentence("throughput", "tokens/s", facts([0, 500, 700, 1000], [1000, 3000, 3010, 900]))).toBe("throughput: median 3,000 tokens/s over 1,000 steps, between 900 and 3,010");
});
test("shares are percentages", () => {
  expect(lineSentence("dropped tokens", "of tokens", facts([0, 10], [0.2, 0.031]))).toBe("dropped tokens fell from 20% to 3.1% in 10 steps");
});
test("a flat line is said to stay, and a spike in between is told even from the band", () => {
  expect(lineSentence("overload", "", facts([0, 5, 10], [1.1, 1.104, 1.102]))).toBe("overload stayed near 1.1 for 10 steps");
  expect(lineSentence("dead experts", "experts", facts([1, 200, 400], [0, 0, 0]))).toBe("dead experts stayed at 0 for 399 steps");
  expect(lineSentence("loss", "", facts([0, 5, 10], [2, 2, 2], "a", [2, 2, 2], [2, 90, 2]))).toBe("loss stayed near 2 for 10 steps, with a peak of 90");
});
test("a value that is not finite does not become part of the sentence", () => {
  expect(lineSentence("loss", "", facts([0, 5, 10], [4, 2, Number.NaN]))).toBe("loss fell from 4 to 2 in 5 steps");
  expect(lineFacts("a", [1], [Number.NaN], [Number.NaN], [Number.NaN], 1)).toBeNull();
});
test("one point has no course", () => {
  expect(lineSentence("loss", "nats/token", facts([7], [4]))).toBe("loss is 4 nats/token at step 7");
});
test("several lines: who is lowest and who highest", () => {
  const three = [facts([0, 1], [3, 2.5], "a"), facts([0, 1], [3, 2.25], "b"), facts([0, 1], [3, 2.75], "c")];
  expect(linesSentence("cross-entropy", "nats/token", three, "run")).toBe(
    "cross-entropy of 3 runs: lowest 2.25 nats/token (b), highest 2.75 nats/token (c)");
  expect(linesSentence("cross-entropy", "nats/token", three.slice(0, 2), "run")).toBe("cross-entropy: 2.25 nats/token (b), 2.5 nats/token (a)");
  expect(linesSentence("cross-entropy", "nats/token", [], "run")).toBe("cross-entropy: nothing recorded yet");
});
test("a name of 200 characters leaves room for the numbers, and no letter is cut in half", () => {
  expect(shortName("a".repeat(200))).toHaveLength(32);
  expect([...shortName("🚀".repeat(200))].every((letter) => letter === "🚀" || letter === "…")).toBe(true);
  expect(shortName("short")).toBe("short");
});
