// Hosts below the list of runs: the way to their page, and how each one that matters is.
import { counted } from "../charts/quantity.ts";
import { useHosts } from "../state/hosts.ts";
import { useNow } from "../state/now.ts";
import { useView } from "../state/view.ts";
import { showHosts } from "./actions.ts";
import { LINK, linkText } from "./hostWords.ts";
import "./hosts.css";

export function SidebarHosts() {
  const { page, host: chosen } = useView(), now = useNow();
  const hosts = useHosts()?.hosts ?? [];
  // Of a long ~/.ssh/config, those that nobody tried are noise here.
  const shown = hosts.filter(({ source, link }) => source === "added" || link.status !== "untried");
  return (
    <>
      <button type="button" className="sidebar-foot" aria-current={page === "tpus" || (page === "hosts" && !shown.some(({ name }) => name === chosen)) ? "page" : undefined} onClick={() => showHosts()}>Hosts <span className="muted number">{hosts.length > 0 ? hosts.length.toLocaleString("en") : ""}</span></button>
      {shown.length > 0 && (
        <ul className="sidebar-hosts" aria-label={counted(shown.length, "host")}>{shown.map(({ name, link }) => (
          <li key={name}>
            <button type="button" className="sidebar-host" aria-current={page === "hosts" && chosen === name} title={`${name}: ${linkText(link, now)}`} onClick={() => showHosts(name)}>
              <span className="status-glyph" data-link={link.status} aria-hidden="true">{LINK[link.status].glyph}</span><bdi>{name}</bdi>
              <span className="muted number">{linkText(link, now)}</span>
            </button>
          </li>
        ))}</ul>
      )}
    </>
  );
}
