// plan: what a spec would need on other devices, and how to spread it over them.
import { measureCpu, readDevices } from "../../backend/devices.ts";
import { inspectSource } from "../../backend/runs/inspection.ts";
import { RequestError } from "../../contract/client.ts";
import { consequences } from "../../contract/consequences.ts";
import type { Facts } from "../../contract/modelCounts.ts";
import { RunSpec } from "../../contract/runSpec.ts";
import { toIssues } from "../../contract/specIssues.ts";
import { DEVICES, measuredCpu, ownDevice, type Device } from "../../planner/devices.ts";
import { devicesOf, refusal } from "../../planner/mesh.ts";
import { meshOf } from "../mesh.ts";
import { PAPER_MODELS, paperTable, T5_FACTS } from "../../planner/paperModels.ts";
import { ASSUMPTIONS, MEASURED, plan as planOf, plans as plansOf, type Assumptions } from "../../planner/plan.ts";
import { UsageError, type Command, type ParsedCommand } from "../commandLine.ts";
import { print } from "../print.ts";
import { readSpecFile } from "../specFile.ts";
import { suggestion } from "../suggestion.ts";
import { paperText, planText } from "./planText.ts";
import { wholeNumber } from "./runs.ts";
import { changed, startOptions } from "./train.ts";

const OWN = { peak: ["TFLOP/s", 1e12], memory: ["GB", 1e9], bandwidth: ["GB/s", 1e9], link: ["GB/s", 1e9] } as const;

/** A positive number of an option. @throws UsageError */
function positive(parsed: ParsedCommand, name: string, most = Infinity): number | undefined {
  const text = parsed.value(name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!(number > 0 && number <= most && Number.isFinite(number))) throw new UsageError(`"--${name} ${text}" must be a number above 0${most < Infinity ? ` and at most ${most}` : ""}.`);
  return number;
}

/** The device, which for this CPU is measured now. @throws UsageError */
async function deviceOf(parsed: ParsedCommand): Promise<Device> {
  const names = [...DEVICES.map(({ id }) => id), "cpu", "own"], id = parsed.value("device");
  if (id === undefined) throw new UsageError(`Give --device NAME: ${names.join(", ")}.`);
  const given = Object.keys(OWN).filter((name) => parsed.has(name));
  if (id.toLowerCase() === "own") {
    const figure = (name: keyof typeof OWN): number => {
      const value = positive(parsed, name);
      if (value === undefined) throw new UsageError(`An own device needs --${name}, in ${OWN[name][0]}: --device own --peak TFLOP/s --memory GB --bandwidth GB/s --link GB/s.`);
      return value * OWN[name][1];
    };
    return ownDevice({ peak: figure("peak"), memory: figure("memory"), memoryBandwidth: figure("bandwidth"), link: figure("link") });
  }
  if (id.toLowerCase() === "cpu" && given.length === 0) {
    const [{ cpu }, rates] = await Promise.all([readDevices(), measureCpu()]);
    return measuredCpu(cpu.name, cpu.memoryBytes, rates);
  }
  const device = DEVICES.find((known) => known.id === id.toLowerCase());
  if (!device) {
    // "a100" is two devices: what begins so is likelier meant than what is spelt alike.
    const begun = names.filter((name) => name.startsWith(id.toLowerCase()));
    throw new UsageError(`There is no device "${id}".${begun.length > 0 ? ` Did you mean ${begun.map((name) => `"${name}"`).join(" or ")}?` : suggestion(id, names) || ` Known are ${names.join(", ")}.`}`);
  }
  if (given.length > 0) throw new UsageError(`--${given[0]} describes an own device; use it with --device own.`);
  return device;
}

/** The spec and what is known of its data, which is looked at only where the counts depend on it. */
async function subject(parsed: ParsedCommand): Promise<{ spec: RunSpec; facts: Facts }> {
  const file = parsed.positional[0], name = parsed.value("model"), vocabularySize = wholeNumber(parsed, "vocabulary", 1);
  if (file !== undefined && name !== undefined) throw new UsageError("Give a spec or --model, not both.");
  if (name !== undefined) {
    const model = PAPER_MODELS.find((known) => known.name.toLowerCase() === name.toLowerCase()), names = PAPER_MODELS.map((known) => known.name);
    if (!model) throw new UsageError(`The paper has no model "${name}".${suggestion(name, names) || ` It has ${names.join(", ")}.`}`);
    if (parsed.has("set")) throw new UsageError("--set changes a spec; a model of the paper has its own sizes, and --batch its batch.");
    return { spec: model.spec, facts: vocabularySize === undefined ? T5_FACTS : { vocabularySize } };
  }
  const read = RunSpec.safeParse(changed(file === undefined ? { name: "The default spec" } : readSpecFile(file), parsed));
  if (!read.success) {
    const issues = toIssues(read.error), [first] = issues;
    throw new RequestError({ message: `The spec can't be planned for: ${first!.path}: ${first!.message}`, detail: null, issues });
  }
  const { source, tokenizer } = read.data.data;
  if (vocabularySize !== undefined || (tokenizer.kind === "bytes" && source.kind !== "idx")) return { spec: read.data, facts: vocabularySize === undefined ? {} : { vocabularySize } };
  const found = await inspectSource(source, tokenizer);
  return { spec: read.data, facts: { vocabularySize: found.vocabularySize, ...(found.images ? { images: found.images } : {}) } };
}

export const plan: Command = {
  name: "plan", positional: ["[SPEC.json]"], about: "Estimate memory, communication and step time on other devices, and find the best mesh.",
  details: "Without a spec it plans for the default one. A mesh splits rows of the batch over data × expert, experts over expert, attention heads and feed-forward columns over model.\n"
    + `Devices: ${DEVICES.map(({ id }) => id).join(", ")}, cpu (this machine's, measured in a second), own. Formulas and sources: docs/planner.md.`,
  options: {
    device: { value: "NAME", about: "Kind of device; own is described by --peak, --memory, --bandwidth and --link." },
    devices: { value: "N", about: "How many of them (default 1, or those of --mesh)." },
    mesh: { value: "data=D,expert=E,model=M", about: "Show this mesh instead of the best one." },
    model: { value: "NAME", about: `A model of the paper instead of a spec: ${PAPER_MODELS.map(({ name }) => name).join(", ")}.` },
    paper: { about: "Print parameters and FLOPs of the paper's models, counted and published." },
    batch: { value: "N", about: "Sequences in a batch, instead of the spec's." },
    set: startOptions.set,
    vocabulary: { value: "N", about: "Tokens in the vocabulary (default: the tokenizer's; the paper's 32128)." },
    efficiency: { value: "SHARE", about: `Share of the peak that matrix products reach (default ${ASSUMPTIONS.matrixEfficiency}; of a measured CPU ${MEASURED.matrixEfficiency}).` },
    peak: { value: "TFLOP/s", about: "Of an own device: dense matrix products." }, memory: { value: "GB", about: "Of an own device." },
    bandwidth: { value: "GB/s", about: "Of an own device: to its memory." }, link: { value: "GB/s", about: "Of an own device: to the others, one way." },
  },
  async run(parsed) {
    if (parsed.has("paper")) {
      const rows = paperTable();
      print(parsed.json, rows, paperText(rows));
      return 0;
    }
    const device = await deviceOf(parsed), mesh = parsed.has("mesh") ? meshOf(parsed.value("mesh")!) : null;
    const devices = wholeNumber(parsed, "devices", 1) ?? (mesh ? devicesOf(mesh) : 1);
    if (mesh && devicesOf(mesh) !== devices) throw new UsageError(`The mesh has ${devicesOf(mesh)} devices, not ${devices}; leave --devices out or change --mesh.`);
    if (devices > 65_536) throw new UsageError(`"--devices ${devices}" is more than the 65536 that can be planned for.`);
    if (devices > 1 && device.id === "cpu") throw new UsageError("This CPU is one device: more ranks on it share its cores. Leave --devices out.");
    const batchSize = wholeNumber(parsed, "batch", 1), assumed = device.id === "cpu" ? MEASURED : ASSUMPTIONS;
    const assumptions: Assumptions = { ...assumed, matrixEfficiency: positive(parsed, "efficiency", 1) ?? assumed.matrixEfficiency };
    const found = await subject(parsed), facts = found.facts;
    const spec = batchSize === undefined ? found.spec : { ...found.spec, training: { ...found.spec.training, batchSize } };
    const refused = mesh && refusal(spec, mesh);
    if (refused) throw new Error(refused);
    const plans = plansOf(spec, facts, device, devices, assumptions), chosen = mesh ? planOf(spec, facts, device, mesh, assumptions) : plans[0];
    if (!chosen) throw new Error(`No mesh of ${devices} devices divides this model and a batch of ${spec.training.batchSize}; change --batch or --devices.`);
    const { parameters, flopsPerSequence } = consequences(spec, facts);
    print(parsed.json, { spec, device, devices, assumptions, parameters, flopsPerSequence, chosen, plans },
      planText({ spec, device, parameters, flopsPerSequence, assumptions, chosen, named: mesh !== null, plans }));
    return 0;
  },
};
