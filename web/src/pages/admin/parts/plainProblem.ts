import { Problem } from "../../../api/problem";
import { type FormProblem, formProblem } from "../../../ui/formProblem";

/**
 * A problem at the fields of a form, where the server speaks as to programs: one of the third in a list stands at the
 * list, and in place of a pattern stands what is meant by it. `patterns`: that, by the names of fields.
 */
export function plainProblem(
  error: Error | null,
  fields: readonly string[],
  patterns: Readonly<Record<string, string>> = {},
): FormProblem {
  if (!(error instanceof Problem)) return formProblem(error, fields);
  const errors = error.said.map(({ field, message }) => {
    const name = field.replace(/\.\d+$/, "");
    const meant = patterns[name.split(".").at(-1) ?? name];
    return { field: name, message: message.includes("match pattern") ? (meant ?? message) : message };
  });
  return formProblem(new Problem(error.status, { ...error.document, errors }), fields);
}
