import { defineConfig } from "vite";
import react from "@vitejs/plugin-react";

/**
 * The interface as static files. The page is served under a Content-Security-Policy that allows scripts, styles, fonts
 * and connections from its own origin alone, so the build may hold nothing inline and nothing from elsewhere.
 */
export default defineConfig({
  root: "renderer",
  base: "/",
  plugins: [react()],
  build: {
    outDir: "../dist/renderer",
    emptyOutDir: true,
    target: "chrome120",
    // An inlined asset would be a data: URL, and a module preload polyfill an inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: true,
    // Lean on one chunk per panel rather than on a warning about the size of the first one.
    chunkSizeWarningLimit: 1500,
  },
  server: { host: "127.0.0.1", strictPort: false },
});
