/**
 * Lighthouse's score of accessibility for a page as it is shown just now: its mode `snapshot` loads nothing again, so that
 * somebody stays signed in, whose token is in the page's memory alone.
 */
import { snapshot } from "lighthouse";
import puppeteer from "puppeteer-core";

const CONFIG = {
  extends: "lighthouse:default",
  settings: {
    onlyCategories: ["accessibility"],
    formFactor: "desktop",
    screenEmulation: { disabled: true }, // The page has its size.
  },
};

/** Beside whoever else drives the browser whose debugger is at this port. */
export async function lighthouseAt(port) {
  const browser = await puppeteer.connect({ browserURL: `http://127.0.0.1:${port}`, defaultViewport: null });
  return {
    /** From 0 to 100, and what it found wrong. */
    async accessibility(url) {
      const page = (await browser.pages()).find((each) => each.url() === url);
      if (page === undefined) throw new Error(`no page shows ${url}`);
      const { lhr } = await snapshot(page, { config: CONFIG });
      const { score, auditRefs } = lhr.categories.accessibility;
      const faults = auditRefs.filter(({ id, weight }) => weight > 0 && lhr.audits[id].score === 0);
      return { score: Math.round(score * 100), faults: faults.map(({ id }) => id) };
    },
    leaves: () => browser.disconnect(),
  };
}
