// What ssh asks on the way to a host: over whatever is open, one question at a time. What is typed goes to ssh and is kept nowhere.
import { Dialog } from "@base-ui/react/dialog";
import { useState, type FormEvent } from "react";
import type { HostPrompt } from "../../contract/hosts.ts";
import { client } from "../connection/index.ts";
import { attempt } from "../state/notice.ts";
import { useHosts } from "../state/hosts.ts";
import "./hosts.css";

const TITLES: Record<HostPrompt["kind"], (host: string) => string> = {
  "host-key": (host) => `Is this the key of ${host}?`,
  password: (host) => `Password for ${host}`,
  passphrase: (host) => `Passphrase, to log in to ${host}`,
  code: (host) => `${host} asks`,
  confirm: (host) => `Confirm, to log in to ${host}`,
  touch: (host) => `Touch your key, to log in to ${host}`,
};

export function Prompts() {
  const prompts = useHosts()?.prompts ?? [];
  const prompt = prompts[0];
  return (
    <Dialog.Root open={prompt !== undefined} onOpenChange={(open, { reason }) => { if (!open && prompt && reason === "escape-key") answer(prompt, null); }}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog prompt">{prompt && <Question key={prompt.id} prompt={prompt} waiting={prompts.length - 1} />}</Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

const answer = (prompt: HostPrompt, text: string | null) => attempt(() => client.send("hosts.answer", { promptId: prompt.id, answer: text }));

function Question({ prompt, waiting }: { prompt: HostPrompt; waiting: number }) {
  const { kind, host, text, hostKey } = prompt;
  return (
    <>
      <Dialog.Title render={<h2 />}>{TITLES[kind](host)}</Dialog.Title>
      {hostKey ? <HostKey hostKey={hostKey} /> : <p className="prompt-text">{text}</p>}
      {hostKey || kind === "confirm" ? (
        <Buttons><button type="button" className="button" autoFocus onClick={() => answer(prompt, null)}>{hostKey ? "Don’t connect" : "No"}</button>
          <button type="button" className="button primary" onClick={() => answer(prompt, "yes")}>{hostKey ? "Accept the key" : "Yes"}</button></Buttons>
      ) : kind === "touch" ? <Buttons><button type="button" className="button" autoFocus onClick={() => answer(prompt, null)}>Hide</button></Buttons>
      : <Secret prompt={prompt} />}
      {waiting > 0 && <p className="muted prompt-waiting">{waiting === 1 ? "One more question waits." : `${waiting} more questions wait.`}</p>}
    </>
  );
}

const Buttons = ({ children }: { children: React.ReactNode }) => <div className="dialog-buttons">{children}</div>;

const HostKey = ({ hostKey: { name, type, fingerprint, art } }: { hostKey: NonNullable<HostPrompt["hostKey"]> }) => (
  <div className="prompt-key">
    <p><code>{name}</code> is not known to this machine yet. It shows this {type} key:</p>
    <p className="prompt-fingerprint"><code>{fingerprint}</code></p>
    {art && <pre aria-hidden="true">{art}</pre>}
    <p className="muted">Compare it with what whoever runs the host gave you, or with what <code>ssh-keygen -lf</code> prints on the host itself. An accepted key is added to your known_hosts, and only a changed one is mentioned again.</p>
  </div>
);

function Secret({ prompt }: { prompt: HostPrompt }) {
  const [text, setText] = useState("");
  const [shown, setShown] = useState(prompt.kind === "code");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    answer(prompt, text);
  };
  return (
    <form onSubmit={submit}>
      <input className="input prompt-secret" type={shown ? "text" : "password"} aria-label="Answer" autoFocus autoComplete="off" spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} />
      <label className="check"><input type="checkbox" checked={shown} onChange={(event) => setShown(event.target.checked)} />Show what is typed</label>
      <p className="muted">It is given to ssh and kept nowhere.</p>
      <Buttons><button type="button" className="button" onClick={() => answer(prompt, null)}>Cancel</button><button type="submit" className="button primary">Send</button></Buttons>
    </form>
  );
}
