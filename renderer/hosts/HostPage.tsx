// One host: its link, what is in the way, what it has, and the ports that lead to it.
import { Menu } from "@base-ui/react/menu";
import { asksFor } from "../../contract/engineText.ts";
import { ENGINES } from "../../contract/engines.ts";
import type { Finding, Forward, HostSummary, SshFailure } from "../../contract/hosts.ts";
import { Icon } from "../frame/Icon.tsx";
import { HostRuns } from "../remoteRuns/HostRuns.tsx";
import { useNow } from "../state/now.ts";
import { newRunOn } from "../state/runActions.ts";
import { checkHost, copy, disconnectHost, removeHost, showTpus } from "./actions.ts";
import { CheckFacts } from "./CheckFacts.tsx";
import { linkSince, LINK, targetText } from "./hostWords.ts";
import { Ports } from "./Ports.tsx";

export function HostPage({ host, forwards, edit }: { host: HostSummary; forwards: readonly Forward[]; edit: () => void }) {
  const now = useNow();
  const { name, link, check, checking } = host;
  // How busy it was, or who held its TPU, says nothing once it is out of reach.
  const findings = check?.findings.filter(({ level }) => level === "needed" || link.status === "connected") ?? [];
  return (
    <article className="host-page" aria-labelledby="host-name">
      <header className="host-head">
        <h2 id="host-name"><bdi>{name}</bdi></h2>
        <span className="host-link" data-link={link.status} role="status"><span aria-hidden="true">{LINK[link.status].glyph}</span> {checking ? `checking: ${checking}…` : linkSince(link, now)}</span>
        <span className="host-buttons">
          <button type="button" className="button primary" disabled={checking !== null} onClick={() => checkHost(name)}>{checking ? "Checking…" : check ? "Check again" : "Check"}</button>
          <button type="button" className="button" onClick={() => newRunOn(name)}>New run there</button>
          {link.status === "connected" && <button type="button" className="button" onClick={() => disconnectHost(name)}>Disconnect</button>}
          <Menu.Root>
            <Menu.Trigger className="button menu-button" aria-label={`More for ${name}`} title={`More for ${name}`}><Icon name="more" /></Menu.Trigger>
            <Menu.Portal><Menu.Positioner className="menu-place" sideOffset={4} align="end"><Menu.Popup className="menu">
              <Menu.Item className="menu-item" onClick={edit}>{host.source === "config" ? "Change interpreter or folder…" : "Change…"}</Menu.Item>
              <Menu.Item className="menu-item" onClick={() => copy(`switchyard hosts check ${name}`, "command")}>Copy the command that checks it</Menu.Item>
              {host.source === "added" && <Menu.Item className="menu-item" data-danger="true" onClick={() => removeHost(name, "host")}>Remove</Menu.Item>}
            </Menu.Popup></Menu.Positioner></Menu.Portal>
          </Menu.Root>
        </span>
        <p className="host-target muted"><code>{targetText(host.target)}</code>{host.source === "config" ? " of ~/.ssh/config" : ""}{host.tpu && <>, <button type="button" className="link" onClick={() => showTpus(host.tpu)}>worker {host.tpu.worker} of the TPU {host.tpu.node}</button> in {host.tpu.project}, {host.tpu.zone}</>}; Python <code>{host.python}</code>; runs in <code>{host.runs}</code>{host.engine && <>, handed to {ENGINES[host.engine.kind]}{asksFor(host.engine).map((word) => <code key={word}> {word}</code>)}</>}</p>
      </header>
      {link.failure && <Failure failure={link.failure} />}
      {host.problem !== null && <section className="host-failure" role="alert"><p><Icon name="warning" /><b>{host.problem}</b></p></section>}
      {findings.length > 0 && <section aria-label="What to do"><ul className="findings">{findings.map((finding) => <FindingItem key={finding.message} finding={finding} />)}</ul></section>}
      {check ? <CheckFacts check={check} engine={host.engine} now={now} stale={link.status !== "connected"} />
      : !link.failure && host.problem === null && checking === null && <p className="muted host-note">Not looked at yet. Checking logs in with the system’s ssh, asks you what it needs to know, and shows what the host has. Nothing is installed or changed there.</p>}
      {link.status !== "unreachable" && <HostRuns key={name} host={name} />}
      {link.status !== "unreachable" && <Ports host={host} forwards={forwards} />}
    </article>
  );
}

function Failure({ failure: { message, remedy, detail, changedKey } }: { failure: SshFailure }) {
  return (
    <section className="host-failure" role="alert">
      <p><Icon name="warning" /><span><b>{message}</b> {remedy}</span></p>
      {changedKey && (
        <>
          <table className="host-keys">
            <caption className="visually-hidden">Fingerprints of {changedKey.name}</caption>
            <tbody>
              {changedKey.known.map(({ type, fingerprint }) => <tr key={fingerprint}><th scope="row">Known from before</th><td>{type}</td><td><code>{fingerprint}</code></td></tr>)}
              {changedKey.offered && <tr><th scope="row">Shown now</th><td>{changedKey.offered.type}</td><td><code>{changedKey.offered.fingerprint}</code></td></tr>}
            </tbody>
          </table>
          <CommandLine command={changedKey.removal} />
        </>
      )}
      {detail && <details><summary>What ssh said</summary><pre>{detail}</pre></details>}
    </section>
  );
}

const FindingItem = ({ finding: { level, message, remedy, command } }: { finding: Finding }) => (
  <li data-level={level}>
    <span className="finding-mark" aria-label={level === "needed" ? "Needed" : "Advice"} role="img">{level === "needed" ? "✕" : "!"}</span>
    <div><p><b>{message}</b> {remedy}</p>{command && <CommandLine command={command} />}</div>
  </li>
);

const CommandLine = ({ command }: { command: string }) => (
  <p className="host-command"><code>{command}</code><button type="button" className="button" onClick={() => copy(command, "command")}>Copy</button></p>
);
