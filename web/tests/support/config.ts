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
      testTimeout: 60_000,
      hookTimeout: 60_000,
      teardownTimeout: 120_000,
    },
  });
}
