import { inBrowser } from "./support/config.ts";

/** `make screenshots`. */
export default inBrowser("screenshots.ts");
