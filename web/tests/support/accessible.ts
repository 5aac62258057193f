/** axe-core in a page: what it calls serious or critical. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** One line a violation: the rule, what it means, and the element. `rules`: these alone. */
export async function violationsOf(page: Page, rules?: readonly string[]): Promise<string[]> {
  // Evaluated by the debugger, which the page's policy does not bind; a script element would be refused.
  await page.evaluate(`typeof axe === "undefined" && (() => { ${AXE} })()`);
  const only = rules === undefined ? "" : `runOnly: ${JSON.stringify(rules)},`;
  const found = await page.evaluate<readonly Violation[]>(
    `axe.run({ ${only} resultTypes: ["violations"] }).then((told) => told.violations)`,
  );
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map(({ html, failureSummary }) => {
        const summary = failureSummary.replaceAll(/\s+/g, " ").slice(0, 240);
        return `${id}: ${summary} ${html.slice(0, 160)}`;
      }),
    );
}
