import { expect, test } from "vitest";
import { forbiddenIncludes, sqlOutsideDatabase } from "./boundaries.ts";

test("SQL is found outside db/ and allowed inside", () => {
  const text = "const a = 1;\nconst rows = read(`SELECT id FROM runs`);\n";
  expect(sqlOutsideDatabase("backend/list.ts", text)).toEqual([{ file: "backend/list.ts", line: 2, message: "SQL belongs in db/." }]);
  expect(sqlOutsideDatabase("db/runRows.ts", text)).toEqual([]);
});

test("words of a sentence are not SQL", () => {
  expect(sqlOutsideDatabase("renderer/a.tsx", "label(\"Select a run from the list\"); say(\"update the chart\");")).toEqual([]);
});

test("native code may not include the shell or the database", () => {
  expect(forbiddenIncludes("native/addon/a.cpp", "#include <torch/torch.h>\n#include <sqlite3.h>\n")).toHaveLength(1);
});
