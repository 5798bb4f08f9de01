import { beforeEach, expect, test, vi } from "vitest";

vi.mock("electron", () => import("./host/electronStandIn.ts"));
const { desktop } = await import("./host/electronStandIn.ts");
const { mayQuit } = await import("./quitQuestion.ts");
const { BrowserWindow } = await import("electron");

const window = new BrowserWindow({ webPreferences: {} });
const stopAllRuns = vi.fn(async () => {});
const backendWith = (names: string[]) => ({
  url: "", origin: "", own: true, failed: new Promise<string>(() => {}), stop: async () => {}, stopAllRuns,
  activeRuns: async () => names.map((name, index) => ({ id: String(index), name, host: name.startsWith("far") ? "tpu" : null })),
});

beforeEach(() => {
  stopAllRuns.mockClear();
  desktop.questions.length = 0;
  desktop.errors.length = 0;
});

test("asks nothing when no run is going", async () => {
  expect(await mayQuit(backendWith([]), window)).toBe(true);
  expect(desktop.questions).toHaveLength(0);
});

test.each([
  [0, "leaves the runs going", true, 0],
  [1, "stops the runs", true, 1],
  [2, "stays", false, 0],
])("answer %i %s", async (answer, _what, quits, stops) => {
  desktop.answers.messageBox = answer;
  expect(await mayQuit(backendWith(["sample-8e"]), window)).toBe(quits);
  expect(stopAllRuns).toHaveBeenCalledTimes(stops);
  expect(desktop.questions[0]?.message).toBe("The run \"sample-8e\" is still training.");
  expect(desktop.questions[0]?.buttons).toEqual(["Leave running", "Stop and save", "Cancel"]);
});

test("says how many runs are going", async () => {
  await mayQuit(backendWith(["a", "b", "c"]), window);
  expect(desktop.questions[0]?.message).toBe("3 runs are still training.");
});

test("runs on other machines are left alone, and that is said", async () => {
  desktop.answers.messageBox = 0;
  expect(await mayQuit(backendWith(["far"]), window)).toBe(true);
  expect(desktop.questions[0]).toMatchObject({ message: 'The run "far" goes on on tpu.', buttons: ["Quit", "Cancel"] });
  desktop.answers.messageBox = 1;
  expect(await mayQuit(backendWith(["far", "farther"]), window)).toBe(false);
  expect(desktop.questions[1]?.message).toBe("2 runs go on on other machines.");
  desktop.answers.messageBox = 0;
  await mayQuit(backendWith(["near", "far"]), window);
  expect(desktop.questions[2]).toMatchObject({ message: 'The run "near" is still training.', detail: expect.stringContaining("The run on another machine is left alone") });
  expect(stopAllRuns).not.toHaveBeenCalled();
});

test("stays open and says why when the runs can't be stopped", async () => {
  desktop.answers.messageBox = 1;
  stopAllRuns.mockRejectedValueOnce(new Error("The backend answered /api/stop-all with status 500."));
  expect(await mayQuit(backendWith(["a"]), window)).toBe(false);
  expect(desktop.errors[0]).toContain("status 500");
});

test("a backend that does not answer can't hold the window open", async () => {
  const silent = { ...backendWith([]), activeRuns: async () => { throw new Error("gone"); } };
  expect(await mayQuit(silent, window)).toBe(true);
});
