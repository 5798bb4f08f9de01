// What a person reads of the job that a run is: why it waits, and nothing where all is well.
import { expect, test } from "vitest";
import type { Push } from "./agentMessages.ts";
import { jobNote } from "./jobNote.ts";

const job = { engine: "Slurm", id: "4711", state: "RUNNING", over: false, reason: "", problem: null };

test.each<[Partial<NonNullable<Push["job"]>>, string | null]>([
  [{}, null], [{ state: "COMPLETING" }, null], [{ state: "CANCELLED", over: true }, null], [{ state: "unknown", over: true }, null],
  [{ state: "PENDING", reason: "Resources" }, "Slurm job 4711 on login waits for its turn: Resources (PENDING)."], [{ state: "PENDING" }, "Slurm job 4711 on login waits for its turn (PENDING)."],
  [{ engine: "Ray", id: "switchyard-7", state: "PENDING", reason: "It may be waiting for resources" }, "Ray job switchyard-7 on login waits for its turn: It may be waiting for resources (PENDING)."],
  [{ state: "SUSPENDED", reason: "None \u001b[31m" }, "Slurm job 4711 on login is not running (SUSPENDED: None )."],
  [{ problem: "Nothing listens there." }, "How its job does is not known now: Nothing listens there."],
])("%j reads %j", (change, note) => expect(jobNote({ ...job, ...change }, "login")).toBe(note));
