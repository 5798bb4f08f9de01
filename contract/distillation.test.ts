import { expect, test } from "vitest";
import { gainKept } from "./distillation.ts";

// Table 7 of the paper: −log perplexity of the dense model (−1.636), its smallest and its largest teacher, and their students.
test.each([[1.505, 1.587, 37], [1.427, 1.578, 28]])("teacher %f, student %f: %i% of the gain kept, as the paper says", (teacher, student, percent) =>
  expect(Math.round(100 * gainKept({ teacher, student, dense: 1.636 })!)).toBe(percent));

test("a student as good as the dense model keeps nothing, one as its teacher everything; a worse one less than nothing", () => {
  expect(gainKept({ teacher: 1, student: 2, dense: 2 })).toBe(0);
  expect(gainKept({ teacher: 1, student: 1, dense: 2 })).toBe(1);
  expect(gainKept({ teacher: 1, student: 3, dense: 2 })).toBe(-1);
});
test("a teacher that is no better than the dense model has no gain to keep", () => {
  for (const teacher of [2, 2.5, NaN]) expect(gainKept({ teacher, student: 1.9, dense: 2 })).toBeNull();
  expect(gainKept({ teacher: 1, student: NaN, dense: 2 })).toBeNull();
});
