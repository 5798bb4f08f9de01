// The TPUs: how each is, and what can be done with it.
import { Menu } from "@base-ui/react/menu";
import type { TpuPlace } from "../../contract/tpuPlace.ts";
import type { Tpu, TpuNode } from "../../contract/tpus.ts";
import { counted } from "../charts/quantity.ts";
import { Icon } from "../frame/Icon.tsx";
import { age } from "../frame/runText.ts";
import { showHosts } from "../hosts/actions.ts";
import { openDialog } from "../state/dialog.ts";
import { useNow } from "../state/now.ts";
import { addHosts, useAdding } from "./addHosts.ts";
import { GLYPHS, TIERS } from "./tpuWords.ts";

interface Props { tpus: readonly Tpu[]; place: TpuPlace; choose: (node: string) => void }

export function TpuTable({ tpus, place, choose }: Props) {
  const now = useNow();
  return (
    <div className="plan-scroll">
      <table className="file-table tpu-table">
        <caption className="visually-hidden">TPUs of {place.project}, {place.zone}</caption>
        <thead><tr><th scope="col">TPU</th><th scope="col">State</th><th scope="col">Type</th><th scope="col">Here</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
        <tbody>{tpus.map((tpu) => (
          <tr key={`${tpu.kind} ${tpu.name}`}>
            <th scope="row"><bdi>{tpu.name}</bdi><span className="muted tpu-small number">{tpu.kind === "queued" ? "queued resource" : "TPU VM"}{tpu.createdAt === null ? "" : `, ${age(tpu.createdAt, now)}`}</span></th>
            <td data-phase={tpu.phase}><span className="status-glyph" aria-hidden="true">{GLYPHS[tpu.phase]}</span> {tpu.text}<code className="muted tpu-small">{tpu.state}</code></td>
            <td><code>{tpu.accelerator}</code>, {TIERS[tpu.tier]}<code className="muted tpu-small">{tpu.runtime}</code></td>
            <td>{tpu.nodes.map((node) => <NodeHosts key={node.name} node={node} place={place} named={tpu.nodes.length > 1} />)}</td>
            <td><TpuMenu tpu={tpu} place={place} choose={choose} /></td>
          </tr>
        ))}</tbody>
      </table>
    </div>
  );
}

/** What is here of a TPU VM, or the button that makes it. */
function NodeHosts({ node, place, named }: { node: TpuNode; place: TpuPlace; named: boolean }) {
  const { name, phase, workers, added } = node, adding = useAdding() === name;
  return (
    <div className="tpu-hosts">
      {named && <bdi className="muted">{name}</bdi>}
      {added && <button type="button" className="link" onClick={() => showHosts(added.name)}>{added.name}</button>}
      {phase === "ready" && !added?.current && (
        <button type="button" className="button" disabled={adding} onClick={() => addHosts(place, name)} title={workers.length === 1 ? "Its machine becomes a host" : `Its ${counted(workers.length, "worker")} become hosts, and a cluster of them`}>{adding ? "Adding…" : added ? "Update its hosts" : workers.length === 1 ? "Add as a host" : `Add as ${workers.length.toLocaleString("en")} hosts`}</button>
      )}
    </div>
  );
}

function TpuMenu({ tpu, place, choose }: { tpu: Tpu; place: TpuPlace; choose: (node: string) => void }) {
  const ready = tpu.nodes.filter(({ phase }) => phase === "ready");
  return (
    <Menu.Root>
      <Menu.Trigger className="button menu-button" aria-label={`More for ${tpu.name}`} title={`More for ${tpu.name}`}><Icon name="more" /></Menu.Trigger>
      <Menu.Portal><Menu.Positioner className="menu-place" sideOffset={4} align="end"><Menu.Popup className="menu">
        {ready.map(({ name }) => <Menu.Item key={name} className="menu-item" onClick={() => choose(name)}>{tpu.nodes.length > 1 ? `Add ${name} otherwise…` : "Add otherwise: user, key, addresses…"}</Menu.Item>)}
        <Menu.Item className="menu-item" data-danger="true" disabled={tpu.state === "DELETING"} onClick={() => openDialog({ kind: "delete-tpu", tpu, place })}>Delete…</Menu.Item>
      </Menu.Popup></Menu.Positioner></Menu.Portal>
    </Menu.Root>
  );
}
