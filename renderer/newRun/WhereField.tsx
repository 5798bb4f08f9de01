// Which machine trains: this one, a host, or a cluster.
import { PlaceSelect } from "../remoteRuns/places.tsx";
import { FieldRow } from "./Field.tsx";

export function WhereField({ where, change }: { where: string | null; change: (host: string | null) => void }) {
  const help = where === null ? "Hosts and clusters are added on the Hosts page." : `Code, spec and prepared data are sent to ${where} and the trainer is started there. It goes on without this machine.`;
  return (
    <div className="form-grid">
      <FieldRow title="Where" help={help}>{({ id, describedBy }) => <PlaceSelect id={id} describedBy={describedBy} value={where} change={change} />}</FieldRow>
    </div>
  );
}
