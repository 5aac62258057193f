/** The browser that is on this machine; none is downloaded. */
import { type Browser, chromium } from "playwright-core";

const START_TIMEOUT_MS = 60_000;
const QUIET = [
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launchChromium(more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", // `make` finds it elsewhere, too.
    args: [...QUIET, ...more],
    timeout: START_TIMEOUT_MS,
  });
}
