import { expect, test } from "vitest";
import { cellText, thinned, toCsv } from "./table.ts";

test("CSV quotes what needs it and leaves nothing out", () => {
  const csv = toCsv({ columns: [{ name: "step" }, { name: "loss", unit: "nats/token" }], rows: [[1, 2.5], [2, null], ['a "b", c', "x\ny"]] });
  expect(csv).toBe('step,loss (nats/token)\r\n1,2.5\r\n2,\r\n"a ""b"", c","x\ny"\r\n');
});
test("CSV has exact numbers", () => expect(toCsv({ columns: [{ name: "p" }], rows: [[0.1 + 0.2]] })).toContain("0.30000000000000004"));
test("a run's name never becomes a formula", () => {
  expect(toCsv({ columns: [{ name: "=cmd()" }], rows: [["@x"], [-1]] })).toBe("'=cmd()\r\n'@x\r\n-1\r\n");
});
test("cells are written for people", () => {
  expect(cellText(0.0312, { name: "dropped", unit: "of tokens" })).toBe("3.12%");
  expect(cellText(12000, { name: "step" })).toBe("12,000");
  expect(cellText(null, { name: "x" })).toBe("–");
});
test("thinning keeps both ends", () => {
  const rows = Array.from({ length: 1000 }, (_, i) => [i]);
  const thin = thinned(rows, 50);
  expect([thin.length, thin[0], thin.at(-1)]).toEqual([50, [0], [999]]);
  expect(thinned(rows, 2000)).toBe(rows);
});
test("thinning keeps the rows of a sparse column", () => {
  const rows = Array.from({ length: 400 }, (_, i) => [i + 1, 1 / (i + 1), (i + 1) % 100 === 0 ? i : null]);
  const thin = thinned(rows, 200);
  expect(thin.length).toBe(200);
  expect(thin.filter((row) => row[2] !== null).map((row) => row[0])).toEqual([100, 200, 300, 400]);
  expect(thin.map((row) => row[0])).toEqual(thin.map((row) => row[0]).toSorted((a, b) => Number(a) - Number(b)));
});
test("more rows of a sparse column than fit are thinned too", () => {
  const rows = Array.from({ length: 10_000 }, (_, i) => [i, i % 5 === 0 ? i : null]);
  expect(thinned(rows, 100)).toHaveLength(100);
});
