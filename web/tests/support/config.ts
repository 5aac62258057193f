import { resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** One platform and one browser for all files that this names, so one after the other. */
export function inBrowser(include: string) {
  return defineConfig({
    plugins: [react()],
    test: {
      root: resolve(import.meta.dirname, ".."),
      environment: "node",
      include: [include],
      globalSetup: "support/platform.ts",
      fileParallelism: false,
      testTimeout: 120_000, // Each wait in it has a shorter one of its own; several of them may be long beside other load.
      hookTimeout: 60_000,
      teardownTimeout: 120_000,
    },
  });
}
