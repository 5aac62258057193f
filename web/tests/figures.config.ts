import { inBrowser } from "./support/config.ts";

/** `make web-figures`: of the platform that BREAKWATER_ENDPOINTS names, alone on the machine. */
export default inBrowser("**/*.figures.ts");
