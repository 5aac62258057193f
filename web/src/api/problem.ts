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

  /** What it says of each field, by the server's names; one without a name is about none of them. */
  get said(): readonly { readonly field: string; readonly message: string }[] {
    const errors = this.document.errors ?? [];
    if (errors.length > 0) return errors;
    return this.document.field ? [{ field: this.document.field, message: this.message }] : [];
  }
}

/** No answer: nobody knows whether the request was carried out. */
export class Unreachable extends Error {
  constructor() {
    super("The platform does not answer. What you see may be old.");
  }
}
