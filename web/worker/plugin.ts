/** Builds the service worker beside the app, with the list of the app's files in it. */
import type { Plugin } from "vite";
import { PUBLIC_FILES } from "./files.ts";

const PLACE = "__SHELL_FILES__";

export function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    enforce: "post", // Behind Vite's own: by then index.html is among the files.
    generateBundle(_, bundle) {
      const worker = bundle["worker.js"];
      if (worker?.type !== "chunk") throw new Error("the service worker was not built");
      if (worker.imports.length > 0)
        throw new Error("the service worker shares code with the app: it is one file");
      const built = Object.keys(bundle).filter((name) => name !== "worker.js" && !name.endsWith(".map"));
      const files = [...built.map((name) => `/${name}`), ...PUBLIC_FILES].sort();
      if (!files.includes("/index.html")) throw new Error("the service worker does not know index.html");
      worker.code = worker.code.replaceAll(PLACE, JSON.stringify(files));
    },
  };
}
