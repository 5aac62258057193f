import { Problem } from "../api/problem";

/** What of a problem stands at the fields of a form, by their names, and what is about none of them. */
export interface FormProblem {
  readonly fields: Readonly<Record<string, string>>;
  readonly rest: string | null;
}

/**
 * `fields`: the names that the form has. The server names a nested one with dots ("terms.price", "thresholds_pct.2",
 * "parameters.hours.days"): the form's field is what the name begins with, or else the innermost part that it has.
 */
export function formProblem(error: Error | null, fields: readonly string[]): FormProblem {
  if (error === null) return { fields: {}, rest: null };
  if (!(error instanceof Problem)) return { fields: {}, rest: error.message };
  const found: Record<string, string> = {};
  const others: string[] = [];
  for (const { field, message } of error.said) {
    const name = namesOf(field).find((part) => fields.includes(part));
    if (name !== undefined) found[name] ??= message;
    else others.push(field === "" ? message : `${field}: ${message}`);
  }
  if (others.length > 0) return { fields: found, rest: others.join("; ") };
  return { fields: found, rest: Object.keys(found).length > 0 ? null : error.message };
}

/** Of "a.b.c" what it may be called by in a form: a.b.c, a.b, a, and then c, b.c, b. */
function namesOf(field: string): string[] {
  const parts = field.split(".");
  const ends = parts.map((_, after) => parts.length - after);
  const among = (start: number, end: number) => parts.slice(start, end).join(".");
  return [
    ...ends.map((end) => among(0, end)),
    ...ends.flatMap((end) => parts.slice(1, end).map((_, after) => among(end - 1 - after, end))),
  ];
}
