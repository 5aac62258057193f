import { expect, it } from "vitest";
import { isSameVersion } from "./versions";

const HTML = '<script type="module" src="/assets/index-new.js"></script>';

it("is the same version while the page loads the script that runs", () => {
  expect(isSameVersion(HTML, ["/assets/index-new.js"])).toBe(true);
  expect(isSameVersion(HTML, ["/assets/index-old.js"])).toBe(false);
});
