import { expect, test } from "vitest";
import { argumentsOf, askedIn, NOTHING_ASKED } from "./asked.ts";

test("what is asked comes back from the command line that it became", () => {
  for (const asked of [NOTHING_ASKED, { steps: 300, mesh: null }, { steps: null, mesh: { data: 2, expert: 4, model: 1 } }, { steps: 1, mesh: { data: 1, expert: 1, model: 8 } }])
    expect(askedIn(["node", "trainer/main.ts", "/runs/a", ...argumentsOf(asked)])).toEqual(asked);
});

test("what can't be read is not asked", () => {
  for (const argv of [["--steps"], ["--steps", "many"], ["--steps", "-1"], ["--mesh", "2,2"], ["--mesh", "2,2,x"], ["--mesh", "0,1,1"], ["--mesh", "1,1,65"]]) expect(askedIn(argv), argv.join(" ")).toEqual(NOTHING_ASKED);
});
