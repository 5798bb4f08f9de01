// Asking Google Cloud for a TPU.
import { useId, useState, type FormEvent } from "react";
import { toIssues } from "../../contract/specIssues.ts";
import type { TpuPlace } from "../../contract/tpuPlace.ts";
import { TpuAsk, TpuTier, usualRuntime } from "../../contract/tpus.ts";
import { client, sentenceOf, useRequest } from "../connection/index.ts";
import { FormRow } from "../hosts/FormRow.tsx";
import { TIERS } from "./tpuWords.ts";

/** Some of each generation; any other can be typed. */
const TYPES = ["v5litepod-1", "v5litepod-4", "v5litepod-8", "v5litepod-16", "v5p-8", "v5p-16", "v6e-1", "v6e-4", "v6e-8", "v6e-16", "v4-8", "v4-16", "v3-8", "v2-8"];
const FIELDS = { name: "", accelerator: "", runtime: "", network: "", subnetwork: "", withinHours: "", user: "", publicKeyFile: "" };
type Key = keyof typeof FIELDS;

export function AskForm({ place, done, cancel }: { place: TpuPlace; done: () => void; cancel: () => void }) {
  const { data: defaults } = useRequest("tpus.defaults", {});
  const [draft, setDraft] = useState(FIELDS);
  const [tier, setTier] = useState<TpuTier>("on-demand");
  const [internal, setInternal] = useState(false);
  const [withKey, setWithKey] = useState(true);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const tierId = useId();
  const { name, accelerator, runtime, network, subnetwork, withinHours, user, publicKeyFile } = draft, usual = usualRuntime(accelerator);
  const parsed = TpuAsk.safeParse({
    name, accelerator, runtime: runtime || usual || "", tier, internal, ...(network && { network }), ...(subnetwork && { subnetwork }), ...(withinHours && { withinHours: /^\d+$/.test(withinHours) ? Number(withinHours) : withinHours }),
    ...(withKey && { login: { user: user || (defaults?.user ?? ""), publicKeyFile: publicKeyFile || (defaults?.publicKeyFile ?? "") } }),
  });
  const issues = new Map((parsed.success ? [] : toIssues(parsed.error)).toReversed().map(({ path, message }) => [path, message]));
  const row = (key: Key, path: string = key) => ({ value: draft[key], error: tried || draft[key] !== "" ? issues.get(path) : undefined, change: (value: string) => { setDraft({ ...draft, [key]: value.trim() }); setFailure(null); } });
  const ask = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!parsed.success || busy) return;
    setBusy(true);
    setFailure(null);
    try {
      await client.send("tpus.create", { place, ask: parsed.data });
      done();
    } catch (error) {
      setFailure(sentenceOf(error));
      setBusy(false);
    }
  };
  return (
    <form className="host-form tpu-form" onSubmit={(event) => void ask(event)} noValidate aria-labelledby="tpu-ask-title">
      <h3 id="tpu-ask-title">Ask for a TPU in {place.zone}</h3>
      <FormRow title="Name" {...row("name")} placeholder="pod" autoFocus />
      <FormRow title="Type" {...row("accelerator")} help="Generation and number of chips (v2 to v4 and v5p: of cores)." placeholder="v5litepod-8" choices={TYPES} />
      <FormRow title="Runtime version" {...row("runtime")} placeholder={usual ?? ""} help={usual === null && accelerator !== "" ? "The usual one of this type is not known here." : "Left empty: the usual one of the type."} />
      <div className="field">
        <label htmlFor={tierId}>Tier</label>
        <select id={tierId} className="input" value={tier} onChange={(event) => setTier(TpuTier.parse(event.target.value))}>{TpuTier.options.map((one) => <option key={one} value={one}>{TIERS[one]}</option>)}</select>
        <p className="field-help muted">{tier === "spot" ? "Cheaper; Google Cloud may take it back at any moment. Runs go on from their last checkpoint." : tier === "reserved" ? "From the project’s reservation." : "Yours until you delete it."}</p>
      </div>
      <FormRow title="Give up after, hours" {...row("withinHours")} placeholder="waits as long as it takes" />
      <label className="field-check"><input type="checkbox" checked={withKey} onChange={(event) => setWithKey(event.target.checked)} />Let me log in with a key of this machine</label>
      {withKey && <>
        <FormRow title="Public key" {...row("publicKeyFile", "login.publicKeyFile")} placeholder={defaults?.publicKeyFile ?? "~/.ssh/id_ed25519.pub"} {...(defaults && defaults.publicKeyFile === null ? { help: "There is none in ~/.ssh; ssh-keygen -t ed25519 makes one." } : {})} />
        <FormRow title="User there" {...row("user", "login.user")} placeholder={defaults?.user ?? ""} />
      </>}
      <details>
        <summary>Network</summary>
        <FormRow title="Network" {...row("network")} placeholder="default" />
        <FormRow title="Subnetwork" {...row("subnetwork")} />
        <label className="field-check"><input type="checkbox" checked={internal} onChange={(event) => setInternal(event.target.checked)} />Without addresses of the internet</label>
      </details>
      <p className="tpu-cost">It costs money from when it is ready until it is deleted, whether something runs on it or not.</p>
      {failure && <p className="field-error" role="alert">{failure}</p>}
      <div className="host-form-buttons">
        <button type="submit" className="button primary" disabled={busy}>{busy ? "Asking…" : "Ask for it"}</button>
        <button type="button" className="button" onClick={cancel}>Cancel</button>
      </div>
    </form>
  );
}
