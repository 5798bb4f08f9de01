// Adding a host, or changing one. What is left empty is as the person's ssh configuration says.
import { useState, type FormEvent } from "react";
import { Host, REMOTE_RUNS, type HostSummary, type HostTarget } from "../../contract/hosts.ts";
import { toIssues } from "../../contract/specIssues.ts";
import { client, sentenceOf, useRequest } from "../connection/index.ts";
import { useSettled } from "../connection/useSettled.ts";
import { checkHost } from "./actions.ts";
import { EngineFields, engineDraft, engineOf, type EngineDraft } from "./EngineFields.tsx";
import { FormRow } from "./FormRow.tsx";

interface Draft { name: string; address: string; user: string; port: string; identityFile: string; jump: string; python: string; runs: string; engine: EngineDraft }
const EMPTY: Draft = { name: "", address: "", user: "", port: "", identityFile: "", jump: "", python: "", runs: "", engine: engineDraft(undefined) };

const draftOf = ({ name, target, python, runs, engine }: Host): Draft => ({
  name, address: target.address, user: target.user ?? "", port: target.port === undefined ? "" : String(target.port), identityFile: target.identityFile ?? "", jump: target.jump ?? "", python: python === "python3" ? "" : python, runs: runs === REMOTE_RUNS ? "" : runs,
  engine: engineDraft(engine),
});

/** @param before what is changed, with what this form doesn't show of it */
function hostOf(draft: Draft, before: Host | null): unknown {
  const { name, address, user, port, identityFile, jump, python, runs, engine } = draft;
  // At another address it is no worker of its TPU any more.
  const { hostKeyAlias } = before?.target ?? {}, tpu = before?.target.address === address ? before.tpu : undefined;
  const filled = Object.fromEntries(Object.entries({ user, identityFile, jump }).filter(([, value]) => value !== ""));
  return {
    name: name || suggestedName(address), target: { address, ...filled, ...(port === "" ? {} : { port: /^\d+$/.test(port) ? Number(port) : port }), ...(tpu && hostKeyAlias ? { hostKeyAlias } : {}) },
    ...(python === "" ? {} : { python }), ...(runs === "" ? {} : { runs }),
    ...(engine.kind === "" ? {} : { engine: engineOf(engine) }),
    ...(tpu ? { tpu } : {}),
  };
}

/** The first part of a host name; an address as a whole. */
const suggestedName = (address: string): string => (/^[\d.:[\]]+$/.test(address) ? address.replaceAll(/[:[\]]+/g, "-").replaceAll(/^-|-$/g, "") : (address.split(".")[0] ?? ""));

export function HostForm({ host, done }: { host: HostSummary | null; done: (name: string | null) => void }) {
  const [draft, setDraft] = useState<Draft>(host ? draftOf(host) : EMPTY);
  const [more, setMore] = useState(host !== null && [host.target.user, host.target.port, host.target.identityFile, host.target.jump].some((value) => value !== undefined));
  const [tried, setTried] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const parsed = Host.safeParse(hostOf(draft, host));
  const issues = new Map((parsed.success ? [] : toIssues(parsed.error)).toReversed().map(({ path, message }) => [path, message]));
  const wrong = (path: string, key: keyof Omit<Draft, "engine">) => (tried || draft[key] !== "" ? issues.get(path) : undefined);
  const set = (key: keyof Omit<Draft, "engine">) => (value: string) => {
    setDraft({ ...draft, [key]: value.trim() });
    setFailure(null);
  };
  const fixed = host?.source === "config";
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!parsed.success) return;
    try {
      await client.send("hosts.add", { host: parsed.data });
      done(parsed.data.name);
      if (!host) checkHost(parsed.data.name);
    } catch (error) {
      setFailure(sentenceOf(error));
    }
  };
  return (
    <form className="host-form" onSubmit={(event) => void save(event)} noValidate>
      <h2>{host ? `Change ${host.name}` : "Add a host"}</h2>
      <FormRow title="Address" error={wrong("target.address", "address")} help="A host name, an IP address, or a Host of ~/.ssh/config." value={draft.address} change={set("address")} placeholder="tpu-vm.example.org" autoFocus={!fixed} disabled={fixed} />
      <FormRow title="Name" error={wrong("name", "name")} help="What you call it here and on the command line." value={draft.name} change={set("name")} placeholder={suggestedName(draft.address)} disabled={host !== null} />
      {parsed.success && !fixed && <Destination target={parsed.data.target} />}
      <details open={more} onToggle={(event) => setMore(event.currentTarget.open)}>
        <summary>Log in otherwise than ~/.ssh/config says</summary>
        <FormRow title="User" error={wrong("target.user", "user")} value={draft.user} change={set("user")} disabled={fixed} />
        <FormRow title="Port" error={wrong("target.port", "port")} value={draft.port} change={set("port")} placeholder="22" disabled={fixed} />
        <FormRow title="Identity file" error={wrong("target.identityFile", "identityFile")} help="The private key. It stays where it is; ssh reads it." value={draft.identityFile} change={set("identityFile")} placeholder="~/.ssh/id_ed25519" disabled={fixed} />
        <FormRow title="Through" error={wrong("target.jump", "jump")} help="A host to jump through: HOST, USER@HOST or USER@HOST:PORT." value={draft.jump} change={set("jump")} disabled={fixed} />
      </details>
      <FormRow title="Python there" error={wrong("python", "python")} help="The interpreter that has JAX, for example that of an environment." value={draft.python} change={set("python")} placeholder="python3" autoFocus={fixed} />
      <FormRow title="Runs folder there" error={wrong("runs", "runs")} help="Where run directories lie on the host. It is made at the first start." value={draft.runs} change={set("runs")} placeholder={REMOTE_RUNS} />
      <EngineFields draft={draft.engine} change={(engine) => { setDraft({ ...draft, engine }); setFailure(null); }} issues={issues} tried={tried} />
      {failure && <p className="field-error" role="alert">{failure}</p>}
      <div className="host-form-buttons">
        <button type="submit" className="button primary">{host ? "Save" : "Add and check"}</button>
        <button type="button" className="button" onClick={() => done(null)}>Cancel</button>
      </div>
    </form>
  );
}

/** Where ssh itself says that it would go. */
function Destination({ target }: { target: HostTarget }) {
  const settled = useSettled(target, 400);
  const { data, error } = useRequest("hosts.resolve", { target: settled });
  return <p className="host-destination muted" role="status">{error ? <span className="field-error">{sentenceOf(error)}</span> : data ? <>ssh goes to <code>{data.user}@{data.hostname}</code>, port {data.port}{data.proxy ? <>, through <code>{data.proxy}</code></> : ""}.</> : "Asking ssh where it would go…"}</p>;
}
