import { inBrowser } from "./support/config.ts";

/** `make test-browser`. */
export default inBrowser("**/*.browser.ts");
