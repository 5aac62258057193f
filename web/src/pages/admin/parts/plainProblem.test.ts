import { describe, expect, it } from "vitest";
import { Problem, Unreachable } from "../../../api/problem";
import { plainProblem } from "./plainProblem";

const refused = (field: string, message: string) =>
  new Problem(422, { detail: "the request is wrong", errors: [{ field, message }] });
const PATTERN = "String should match pattern '^[a-z]$'";

describe("a problem, told plainly", () => {
  it("says what is meant in place of a pattern, where the form knows", () => {
    const patterns = { username: "small letters" };
    expect(plainProblem(refused("username", PATTERN), ["username"], patterns).fields).toEqual({
      username: "small letters",
    });
    expect(plainProblem(refused("email", PATTERN), ["email"], patterns).fields).toEqual({ email: PATTERN });
  });

  it("leaves other words as the server said them", () => {
    const patterns = { username: "small letters" };
    expect(plainProblem(refused("username", "is taken"), ["username"], patterns).fields.username).toBe(
      "is taken",
    );
  });

  it("of one in a list stands at the list", () => {
    expect(plainProblem(refused("topics.2", PATTERN), ["topics"], { topics: "as orders.*" })).toEqual({
      fields: { topics: "as orders.*" },
      rest: null,
    });
  });

  it("of no field, and no answer, stand above the form", () => {
    expect(plainProblem(new Problem(403, { detail: "you may not" }), ["name"]).rest).toBe("you may not");
    expect(plainProblem(new Unreachable(), ["name"]).rest).toMatch(/does not answer/);
    expect(plainProblem(null, ["name"])).toEqual({ fields: {}, rest: null });
  });
});
