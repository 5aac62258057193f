import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { brotli } from "./bundle/brotli.ts";
import { firstScript } from "./bundle/firstScript.ts";
import { serviceWorker } from "./worker/plugin.ts";

export default defineConfig({
  plugins: [react(), firstScript(), serviceWorker(), brotli()],
  // Nothing is inlined: the Content-Security-Policy allows files of our own alone.
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: "index.html", worker: "worker/worker.ts" },
      // At the root: a worker is in charge of what lies beside and below it.
      output: {
        entryFileNames: (chunk) => (chunk.name === "worker" ? "worker.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts", "worker/**/*.test.ts"] },
});
