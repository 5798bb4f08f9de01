// The frame: runs on the left, the chosen run or page on the right, devices and connection at the bottom.
import { useEffect, useMemo, useRef } from "react";
import { createHoverStep, type ChartLinks } from "../charts/links.ts";
import { useConnectionStatus } from "../connection/index.ts";
import { Prompts } from "../hosts/Prompts.tsx";
import { PanelHostContext, type PanelHost } from "../panels/environment.tsx";
import { useRuns } from "../state/runs.ts";
import { lowerSidebar, useSidebar } from "../state/sidebar.ts";
import { setView, useView } from "../state/view.ts";
import { Content } from "./Content.tsx";
import { Dialogs } from "./Dialogs.tsx";
import { Sidebar } from "./Sidebar.tsx";
import { StatusBar } from "./StatusBar.tsx";
import { TopBar } from "./TopBar.tsx";

const hover = createHoverStep();

/** Axes, zoom and step of all charts, kept in the address. */
function useChartLinksOfView(): ChartLinks {
  const { axis, logX, logY, smoothing, range, step } = useView();
  return useMemo(() => ({
    hover, axis, logX, logY, smoothing, range, step,
    set: setView, zoom: (next) => setView({ range: next }), scrub: (next) => setView({ step: next }),
  }), [axis, logX, logY, smoothing, range, step]);
}

export function App() {
  const { runs } = useRuns();
  const sidebar = useSidebar();
  const { page, run } = useView();
  useEffect(lowerSidebar, [page, run]);
  const { state, message } = useConnectionStatus();
  const content = useRef<HTMLElement>(null);
  const links = useChartLinksOfView();
  const host = useMemo((): PanelHost => ({ runs, links }), [runs, links]);
  if (state === "refused") return <Refused message={message ?? "The backend refused the connection."} />;
  return (
    <PanelHostContext value={host}>
      <div className="app">
        <button type="button" className="skip-link button" onClick={() => content.current?.focus()}>Skip to the run</button>
        <TopBar />
        <div className="app-body">
          {sidebar.shown && sidebar.above && <div className="sidebar-shade" onPointerDown={lowerSidebar} />}
          {sidebar.shown && <Sidebar above={sidebar.above} />}
          <main className="content" ref={content} tabIndex={-1}><Content /></main>
        </div>
        <StatusBar />
      </div>
      <Dialogs />
      <Prompts />
    </PanelHostContext>
  );
}

/** The page may not talk to the backend: the address lacks its token, or belongs to a backend that is gone. */
function Refused({ message }: { message: string }) {
  return (
    <main className="page-state" role="alert">
      <h1>This page may not open Switchyard</h1>
      <p>{message}</p>
      <p className="muted">Open the address that <code>npm start</code> or <code>npm run -s switchyard -- serve</code> printed; it carries the key of the running backend.</p>
    </main>
  );
}
