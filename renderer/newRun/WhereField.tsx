// Which machine trains: this one, a host, or a cluster; and what has to lie or be there.
import { deviceMisfit } from "../../contract/deviceFit.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import { useRequest } from "../connection/index.ts";
import { PlaceSelect } from "../remoteRuns/places.tsx";
import { FieldRow } from "./Field.tsx";

interface Props {
  where: string | null;
  /** Folder there or bucket of prepared data; empty where they are sent. */
  data: string;
  wrongData: string | undefined;
  /** Null while the spec is wrong. */
  spec: RunSpec | null;
  change: (host: string | null) => void;
  changeData: (data: string) => void;
}

export function WhereField({ where, data, wrongData, spec, change, changeData }: Props) {
  const help = where === null ? "Hosts and clusters are added on the Hosts page." : `Code, spec and prepared data are sent to ${where} and the trainer is started there. It goes on without this machine.`;
  const misfit = useMisfit(where, spec);
  return (
    <div className="form-grid">
      <FieldRow title="Where" help={help} error={misfit ?? undefined}>{({ id, describedBy }) => <PlaceSelect id={id} describedBy={describedBy} value={where} change={change} />}</FieldRow>
      {where !== null && (
        <FieldRow title="Data there" help={`A folder on ${where} that holds the data, prepared already, or a bucket that it reads: gs://BUCKET/FOLDER, s3://BUCKET/FOLDER. Empty: they are prepared here and sent.`} error={wrongData}>
          {({ id, describedBy }) => <input id={id} name="where.data" className="input" aria-describedby={describedBy} aria-invalid={wrongData !== undefined} value={data} onChange={(event) => changeData(event.target.value)} />}
        </FieldRow>
      )}
    </div>
  );
}

/** A sentence where the mesh does not find its devices; the trainer's own word decides, so it can be started all the same. */
function useMisfit(where: string | null, spec: RunSpec | null): string | null {
  const { data: state } = useRequest("hosts.list", {});
  if (where === null || !spec || !state || spec.device !== "auto") return null;
  const names = state.clusters.find(({ name }) => name === where)?.workers ?? [where];
  const workers = names.flatMap((name) => state.hosts.filter((host) => host.name === name));
  return workers.length === names.length ? deviceMisfit(spec.mesh, where, workers) : null;
}
