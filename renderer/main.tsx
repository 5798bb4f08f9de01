// Entry of the page.
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { client, queryClient } from "./connection/index.ts";
import { App } from "./frame/App.tsx";
import { startKeys } from "./frame/keys.ts";
import { connectPanels } from "./panels/environment.tsx";
import { connectHosts } from "./state/hosts.ts";
import { runsStore } from "./state/runs.ts";
import { startSettings } from "./state/settings.ts";
import { startView } from "./state/view.ts";
import "./theme.css";
import "./charts/charts.css";
import "./panels/panels.css";
import "./frame/frame.css";

startSettings();
startView();
startKeys();
connectPanels(client);
runsStore.connect(client);
connectHosts(client);

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}><App /></QueryClientProvider>
  </StrictMode>,
);
