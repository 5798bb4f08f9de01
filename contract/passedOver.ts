// What of a run's events.jsonl could not be used, in words.
import type { PassedOver } from "./handlers.ts";

const counted = (count: number, one: string, many: string): string => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** One sentence; null where every line was an event. Repeated ones are no loss. */
export function passedOverSentence({ unparsable, oversized, unknown, missing }: PassedOver): string | null {
  const parts = [
    ...(unparsable ? [counted(unparsable, "line is no event", "lines are no events")] : []),
    ...(oversized ? [counted(oversized, "line is longer than 1 MiB", "lines are longer than 1 MiB")] : []),
    ...(unknown ? [counted(unknown, "event is of a kind that this version does not know", "events are of kinds that this version does not know")] : []),
    ...(missing ? [counted(missing, "event is missing", "events are missing")] : []),
  ];
  return parts.length === 0 ? null : `Not all of events.jsonl could be read: ${parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)!}` : parts[0]!}. The rest is shown.`;
}
