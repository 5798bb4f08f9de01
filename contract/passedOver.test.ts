import { expect, test } from "vitest";
import { passedOverSentence } from "./passedOver.ts";

const NONE = { unparsable: 0, oversized: 0, unknown: 0, repeated: 0, missing: 0 };

test("nothing is said of a file whose every line was an event, or was only repeated", () => {
  expect(passedOverSentence(NONE)).toBeNull();
  expect(passedOverSentence({ ...NONE, repeated: 7 })).toBeNull();
});

test("what could not be used is counted by its reason", () => {
  expect(passedOverSentence({ ...NONE, unparsable: 1 })).toBe("Not all of events.jsonl could be read: 1 line is no event. The rest is shown.");
  expect(passedOverSentence({ unparsable: 1200, oversized: 1, unknown: 2, repeated: 5, missing: 3 })).toBe(
    "Not all of events.jsonl could be read: 1,200 lines are no events, 1 line is longer than 1 MiB, 2 events are of kinds that this version does not know and 3 events are missing. The rest is shown.");
});
