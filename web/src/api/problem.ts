/** The server's no, from its RFC 9457 problem document: `code` is stable and for programs, `detail` for people. */
import type { components } from "./schema";

type ProblemDocument = Partial<components["schemas"]["Problem"]>;

export class Problem extends Error {
  readonly code: string;

  constructor(
    readonly status: number,
    readonly document: ProblemDocument,
  ) {
    super(document.detail ?? document.title ?? `the server answered ${status}`);
    this.code = document.code ?? `HTTP_${status}`;
  }

  /** What it says of one field of a form; null when it is about something else. */
  of(field: string): string | null {
    const found = this.document.errors?.find((each) => each.field === field);
    if (found !== undefined) return found.message;
    return this.document.field === field ? this.message : null;
  }
}

/** No answer: nobody knows whether the request was carried out. */
export class Unreachable extends Error {
  constructor() {
    super("The platform does not answer. What you see may be old.");
  }
}
