import { Problem } from "../api/problem";

/** What of a problem stands at the fields of a form, by their names, and what is about none of them. */
export interface FormProblem {
  readonly fields: Readonly<Record<string, string>>;
  readonly rest: string | null;
}

/**
 * `fields`: the names that the form has. The server names a nested one with dots ("terms.price"): the form's field is
 * found by the whole name or by its last part.
 */
export function formProblem(error: Error | null, fields: readonly string[]): FormProblem {
  if (error === null) return { fields: {}, rest: null };
  if (!(error instanceof Problem)) return { fields: {}, rest: error.message };
  const found: Record<string, string> = {};
  const others: string[] = [];
  for (const { field, message } of error.said) {
    const name = fields.find((each) => each === field) ?? fields.find((each) => field.endsWith(`.${each}`));
    if (name !== undefined) found[name] ??= message;
    else others.push(field === "" ? message : `${field}: ${message}`);
  }
  if (others.length > 0) return { fields: found, rest: others.join("; ") };
  return { fields: found, rest: Object.keys(found).length > 0 ? null : error.message };
}
