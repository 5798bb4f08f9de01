// What the spec leads to, computed as it is written.
import { consequences, patchesOf, type Consequences } from "../../contract/consequences.ts";
import { gpusOf, throughTheHost, withoutRoom } from "../../contract/localGpus.ts";
import type { Facts } from "../../contract/modelCounts.ts";
import { ranksOf, type RunSpec } from "../../contract/runSpec.ts";
import { collectivesOf } from "../../planner/collectives.ts";
import { shareOf } from "../../planner/share.ts";
import { counted, quantity, shortNumber } from "../charts/quantity.ts";
import { useRequest } from "../connection/index.ts";
import { COLLECTIVE_NAMES } from "../plan/parts.ts";
import { useInspection } from "./DataControls.tsx";
import { valueAt, type Draft } from "../spec/draft.ts";
import { useRuns } from "../state/runs.ts";
import { capacityNote, warnings } from "./consequenceWords.ts";

const approximately = (value: number, unit: string): string => `${shortNumber(value, 3)} ${unit}`;

/** `where` is a host, or null for this machine, whose devices alone are known here. */
export function ConsequencesView({ draft, spec, wrong, where }: { draft: Draft; spec: RunSpec | null; wrong: number; where: string | null }) {
  const { data: text } = useInspection(draft);
  const teacherParameters = useTeacherParameters(draft);
  const { data: devices } = useRequest("devices.read", {});
  if (!spec) return <p className="muted">Shown once {wrong === 1 ? "the field that is marked is" : `the ${wrong} fields that are marked are`} right.</p>;
  const found = !text ? null : text.images ? text.documents * patchesOf(text.images, spec.model.patchSize) : spec.data.tokenizer.kind === "bytes" ? text.bytes : null;
  const trainingTokens = found === null ? null : found * (1 - spec.data.evaluationFraction);
  const facts = { ...(text ? { vocabularySize: text.vocabularySize } : {}), ...(text?.images ? { images: text.images } : {}) };
  const all = consequences(spec, { ...facts, trainingTokens, teacherParameters });
  const ranks = ranksOf(spec.mesh), memory = ranks === 1 ? all.memory.total : ranks * shareOf(spec, facts, spec.mesh, false).memory.total;
  const unit = spec.model.architecture === "vision" ? "patch" : "token";
  const free = devices?.cpu.memoryAvailableBytes;
  const gpus = where === null ? gpusOf(spec.device, ranks, devices?.gpus ?? []) : [], cramped = withoutRoom(memory / ranks, gpus, (bytes) => quantity(bytes, "bytes")), apart = throughTheHost(gpus);
  const onCpu = where === null && (spec.device === "cpu" || (spec.device === "auto" && devices !== undefined && gpus.length === 0));
  const slowBFloat16 = onCpu && spec.model.precision !== "fp32" && devices !== undefined && !devices.cpu.instructionSets.some((set) => set === "avx512_bf16" || set === "amx_bf16");
  return (
    <>
      <dl className="consequences number">
        <Fact title="Parameters" value={shortNumber(all.parameters.total, 3)} note={`${shortNumber(all.activeParameters, 3)} of them meet a ${unit}`} />
        <Fact title="Experts hold" value={quantity(all.parameters.experts / all.parameters.total, "of parameters")} />
        <Fact title={`FLOPs a ${unit}`} value={shortNumber(all.flopsPerToken.training, 3)} note="forward and backward" />
        <Fact title={spec.model.architecture === "vision" ? "Patches a step" : "Tokens a step"} value={all.tokensPerStep.toLocaleString("en")} note={all.epochs === null ? (spec.model.architecture === "vision" ? "tokens of a vision model" : "padding included") : `${shortNumber(all.epochs, 3)} passes over the ${text?.images ? "images" : "text"} in ${counted(spec.training.steps, "step")}`} />
        <Fact title="FLOPs a step" value={approximately(all.flopsPerSequence.training * spec.training.batchSize, "FLOPs")} />
        <CapacityFacts all={all} spec={spec} />
        <Fact title="Memory, about" value={quantity(all.memory.total, "bytes")} note={memoryNote(all)} />
        {ranks > 1 && <MeshFacts spec={spec} facts={facts} ranks={ranks} each={where !== null ? `a device each, on ${where}` : onCpu ? "a process each, on the CPU" : `a process each, on ${gpus.length ? gpus.map(({ index }) => `GPU ${index}`).join(", ") : "a GPU of its own"}`} />}
      </dl>
      {warnings(spec, all).map((warning) => <p key={warning} className="field-help consequence-warning">{warning}</p>)}
      {slowBFloat16 && <p className="field-help muted">This CPU has no instructions for bf16: it computes the same numbers as one that has, but slower than fp32.</p>}
      {free !== undefined && memory > free && onCpu && <p className="field-error">More than the {quantity(free, "bytes")} of memory that is free now; use a smaller batch or model.</p>}
      {cramped && <p className="field-error">{cramped}</p>}
      {apart && <p className="field-help muted">{apart}</p>}
    </>
  );
}

/** What the mesh means for each of its ranks. */
function MeshFacts({ spec, facts, ranks, each }: { spec: RunSpec; facts: Facts; ranks: number; each: string }) {
  const share = shareOf(spec, facts, spec.mesh, false), collectives = collectivesOf(spec, share, spec.mesh);
  const held = share.parameters.shared + share.parameters.experts;
  return (
    <>
      <Fact title="Ranks" value={String(ranks)} note={each} />
      <Fact title="A rank holds" value={`${shortNumber(held, 3)} parameters`} note={`and ${counted(share.rows, "sequence")} of the batch`} />
      <Fact title="Memory of a rank, about" value={quantity(share.memory.total, "bytes")} note={`${quantity(ranks * share.memory.total, "bytes")} in all`} />
      <Fact title="A rank sends in a step" value={quantity(collectives.reduce((sum, { sent }) => sum + sent, 0), "bytes")} note={collectives.map(({ id, sent }) => `${COLLECTIVE_NAMES[id].split(",")[0]} ${quantity(sent, "bytes")}`).join(", ")} />
    </>
  );
}

const memoryNote = ({ memory }: Consequences): string =>
  `parameters ${quantity(memory.parameters, "bytes")}, gradients ${quantity(memory.gradients, "bytes")}, optimizer ${quantity(memory.optimizer, "bytes")}, activations ${quantity(memory.activations, "bytes")}`
  + (memory.teacher === null ? "; without the teacher, whose size is not known" : memory.teacher > 0 ? `, teacher ${quantity(memory.teacher, "bytes")}` : "");

/** Weights of the run or model that the draft names as its teacher; null where it is not here. */
function useTeacherParameters(draft: Draft): number | null {
  const kind = valueAt(draft, "distillation.teacher.kind"), id = valueAt(draft, "distillation.teacher.id");
  const { runs } = useRuns();
  const { data: models } = useRequest("models.list", {}, { enabled: kind === "model" });
  return (kind === "run" ? runs : models ?? []).find((trained) => trained.id === id)?.parameters ?? null;
}

function Fact({ title, value, note }: { title: string; value: string; note?: string }) {
  return <div><dt>{title}</dt><dd>{value}{note && <span className="muted">{note}</span>}</dd></div>;
}

function CapacityFacts({ all, spec }: { all: Consequences; spec: RunSpec }) {
  const { sparse, architecture } = spec.model;
  if (!sparse || all.capacity.length === 0) return <Fact title="Sparse layers" value="none" note="a dense model" />;
  const unit = architecture === "vision" ? "patch" : "token";
  return (
    <>
      <Fact title="Sparse layers" value={String(all.sparseLayers.length)} note={all.sparseLayers.map(({ stack, layer }) => `${stack.slice(0, 3)} ${layer}`).join(", ")} />
      {all.capacity.map((capacity) => <Fact key={capacity.stack} title={`Capacity, ${capacity.stack}`} value={places(capacity.training, unit)} note={capacityNote(capacity, sparse, unit)} />)}
    </>
  );
}

const places = (count: number, unit: string): string => (unit === "patch" ? `${count.toLocaleString("en")} ${count === 1 ? "patch" : "patches"}` : counted(count, unit));
