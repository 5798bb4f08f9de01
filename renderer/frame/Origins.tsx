// Where a run's weights came from and whom it learned from, as links.
import type { WeightsSource } from "../../contract/runSpec.ts";
import { useRequest } from "../connection/index.ts";
import { chooseRun } from "../state/runActions.ts";
import { useRuns } from "../state/runs.ts";
import { setView } from "../state/view.ts";

export function Origins({ runId }: { runId: string }) {
  const { data } = useRequest("runs.get", { runId });
  const start = data?.spec.start ?? null, teacher = data?.spec.distillation?.teacher ?? null;
  if (!start && !teacher) return null;
  return (
    <p className="origins">
      {start && <span><span className="muted">Started from</span> <SourceLink source={start} /></span>}
      {teacher && <span><span className="muted">Teacher</span> <SourceLink source={teacher} /></span>}
    </p>
  );
}

/** The run or model by its name, to go there. */
export function SourceLink({ source }: { source: WeightsSource }) {
  const { runs } = useRuns();
  const { data: models } = useRequest("models.list", {}, { enabled: source.kind === "model" });
  const name = source.kind === "run" ? runs.find(({ id }) => id === source.id)?.name : models?.find(({ id }) => id === source.id)?.name;
  const at = source.kind === "run" && source.step !== null ? `, step ${source.step.toLocaleString("en")}` : "";
  if (name === undefined) return <span>{source.kind === "run" ? "run" : "model"} <code>{source.id}</code>{at}</span>;
  return <><button type="button" className="link" onClick={() => (source.kind === "run" ? chooseRun(source.id) : setView({ page: "models", model: source.id }))}><bdi>{name}</bdi></button>{at}</>;
}
