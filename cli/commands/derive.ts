// finetune, distill, upcycle, distill report: runs made from what was trained before.
import { resolve } from "node:path";
import { z } from "zod";
import { distillation, fineTuning, fromModel, fromRun, upcycling, type DerivedFrom } from "../../contract/derive.ts";
import type { RunSpecInput } from "../../contract/runSpec.ts";
import { homeAt } from "../../backend/home.ts";
import { withBackend, type Backend } from "../backendAccess.ts";
import { UsageError, type Command, type ParsedCommand } from "../commandLine.ts";
import { print } from "../print.ts";
import { findTrained } from "../modelReference.ts";
import { findRun } from "../runReference.ts";
import { format, table } from "../table.ts";
import type { JsonObject } from "../specFile.ts";
import { wholeNumber } from "./runs.ts";
import { changed, startOptions, startRun } from "./train.ts";

async function derivedFrom(backend: Backend, reference: string): Promise<DerivedFrom> {
  const { kind, id, name } = await findTrained(backend, reference);
  if (kind === "run") return fromRun(id, name, (await backend.send("runs.get", { runId: id })).spec);
  return fromModel(await backend.send("models.info", { modelId: id }));
}

/** Derives a spec, changes it as --set and --name say, and starts it. */
const deriving = (derive: (from: DerivedFrom, parsed: ParsedCommand) => RunSpecInput) => async (parsed: ParsedCommand): Promise<number> => {
  const make = async (backend: Backend): Promise<JsonObject> => {
    const derived = derive(await derivedFrom(backend, parsed.positional[0]!), parsed);
    return changed(z.record(z.string(), z.json()).parse(derived), parsed);
  };
  if (!parsed.has("print")) return startRun(parsed, make);
  print(true, await withBackend(homeAt(parsed.home), make), "");
  return 0;
};
const OPTIONS = { ...startOptions, print: { about: "Print the spec and start nothing." } };

const finetune: Command = {
  name: "finetune", positional: ["RUN|MODEL"], about: "Fine-tune a run or an imported model on pairs of text.",
  details: 'The data is JSONL, {"input": "...", "target": "..."} a line. Dropout is that of the paper\'s table 4 (0.1, in experts 0.4), the learning rate a tenth and constant.',
  options: {
    data: { value: "FILE.jsonl", about: "Pairs to train on; may be given several times.", repeated: true },
    "held-out": { value: "FILE.jsonl", about: "Pairs to evaluate on, instead of a part of the data; may be given several times.", repeated: true },
    ...OPTIONS,
  },
  run: deriving((from, parsed) => {
    const files = (name: string): string[] => parsed.values(name).map((file) => resolve(file)), data = files("data"), heldOut = files("held-out");
    if (data.length === 0) throw new UsageError('Give --data FILE.jsonl with {"input": "...", "target": "..."} on each line.');
    return fineTuning(from, data, heldOut.length ? heldOut : null);
  }),
};

const distill: Command = {
  name: "distill", positional: ["RUN|MODEL"], about: "Train a dense student of a sparse run or imported model.",
  details: "The student has the teacher's sizes without experts, begins with its other weights and learns from its data and its probabilities (paper §4.2). Compare it with: switchyard distill report STUDENT --dense RUN.",
  options: OPTIONS, run: deriving((from) => distillation(from)),
};

const upcycle: Command = {
  name: "upcycle", positional: ["RUN|MODEL"], about: "Turn a dense run or imported model into a sparse one.",
  details: "Each expert begins as a copy of the dense feed-forward layer (2212.05055).",
  options: { experts: { value: "N", about: "Experts in each sparse layer." }, ...OPTIONS },
  run: deriving((from, parsed) => {
    const experts = wholeNumber(parsed, "experts", 1);
    if (experts === undefined) throw new UsageError("Give --experts N, the experts in each sparse layer.");
    return upcycling(from, experts);
  }),
};

const report: Command = {
  name: "distill report", positional: ["STUDENT"], about: "Say how much of the teacher's gain a student kept.",
  details: "(distilled − dense) ÷ (teacher − dense) in −log perplexity, as in the paper's tables 6 to 8: the dense run is one like the student, trained without a teacher.",
  options: { dense: { value: "RUN", about: "The dense run to compare with." } },
  async run({ positional, value, json, home }) {
    const reference = value("dense");
    if (reference === undefined) throw new UsageError("Give --dense RUN, a dense run without a teacher.");
    const found = await withBackend(homeAt(home), async (backend) => {
      const [student, dense] = [await findRun(backend, positional[0]!), await findRun(backend, reference)];
      return backend.send("runs.distillation", { runId: student.id, denseRunId: dense.id });
    });
    const kept = found.gainKept === null ? "The teacher is no better than the dense run, so there is no gain to keep." : `${(100 * found.gainKept).toFixed(1)}% of the teacher's gain over the dense run is kept.`;
    const rows = [["teacher", null, found.teacher.loss, ""], ["student", found.student.step, found.student.loss, found.student.name], ["dense", found.dense.step, found.dense.loss, found.dense.name]];
    print(json, found, [
      table(["", "step", "evaluation loss", "name"], rows.map((row) => row.map((cell) => (typeof cell === "number" ? format(cell) : cell)))), "", kept,
      ...(found.differences.length ? [`The runs differ in ${found.differences.join(", ")}, so their losses are not of the same examples or training.`] : []),
    ].join("\n"));
    return 0;
  },
};

export const derivingRuns: readonly Command[] = [finetune, distill, report, upcycle];
