/**
 * `src/begin.ts` with what it needs, as a file of its own that the page names before the large one: one file would run
 * when all of it is there, and to its end before any answer is heard.
 */
import { resolve } from "node:path";
import type { Plugin, Rolldown } from "vite";

const BEGIN = resolve(import.meta.dirname, "../src/begin.ts");

export function firstScript(): Plugin {
  let needed: ReadonlySet<string> | null = null;
  const isNeeded = (id: string, context: Rolldown.ChunkingContext) => {
    needed ??= neededBy(BEGIN, context);
    return needed.has(id);
  };
  return {
    name: "first-script",
    apply: "build",
    config: () => ({
      build: {
        rolldownOptions: {
          output: {
            codeSplitting: { groups: [{ name: (id, context) => (isNeeded(id, context) ? "begin" : null) }] },
          },
        },
      },
    }),
    transformIndexHtml: {
      order: "post",
      handler(_, { bundle }) {
        const chunk = Object.values(bundle ?? {}).find(
          (file) => file.type === "chunk" && file.moduleIds.includes(BEGIN),
        );
        if (chunk === undefined) throw new Error("src/begin.ts was not built");
        const src = `/${chunk.fileName}`;
        return [
          {
            tag: "script",
            attrs: { type: "module", crossorigin: true, async: true, src },
            injectTo: "head-prepend",
          },
        ];
      },
    },
  };
}

/** The module and all that it imports. */
function neededBy(id: string, context: Rolldown.ChunkingContext, found = new Set<string>()): Set<string> {
  if (found.has(id)) return found;
  found.add(id);
  for (const imported of context.getModuleInfo(id)?.importedIds ?? []) neededBy(imported, context, found);
  return found;
}
