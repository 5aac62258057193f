import { describe, expect, it } from "vitest";
import { Problem, Unreachable } from "../api/problem";
import { formProblem } from "./formProblem";

describe("a problem in a form", () => {
  it("stands at the fields that it names, and the rest above the form", () => {
    const problem = new Problem(422, {
      detail: "the request is wrong",
      errors: [
        { field: "terms.price", message: "is no amount" },
        { field: "venue", message: "is unknown" },
      ],
    });
    expect(formProblem(problem, ["price", "quantity"])).toEqual({
      fields: { price: "is no amount" },
      rest: "venue: is unknown",
    });
  });

  it("of a part of a field stands at the field", () => {
    const problem = new Problem(422, {
      errors: [
        { field: "thresholds_pct.2", message: "is above 99" },
        { field: "parameters.hours.days.0", message: "is no day" },
      ],
    });
    expect(formProblem(problem, ["thresholds_pct", "hours"])).toEqual({
      fields: { thresholds_pct: "is above 99", hours: "is no day" },
      rest: null,
    });
  });

  it("of one in a list of forms is not taken for the form's own field", () => {
    const problem = new Problem(404, { detail: "no such node", field: "changes.1.node_id" });
    expect(formProblem(problem, ["node_id", "changes.0", "changes.1"]).fields).toEqual({
      "changes.1": "no such node",
    });
  });

  it("of one field is said there with its detail", () => {
    const problem = new Problem(409, { detail: "the name is taken", field: "name" });
    expect(formProblem(problem, ["name"])).toEqual({ fields: { name: "the name is taken" }, rest: null });
  });

  it("of no field, and no answer, stand above the form", () => {
    expect(formProblem(new Problem(403, { detail: "you may not" }), ["name"]).rest).toBe("you may not");
    expect(formProblem(new Unreachable(), ["name"]).rest).toMatch(/does not answer/);
    expect(formProblem(null, ["name"])).toEqual({ fields: {}, rest: null });
  });
});
