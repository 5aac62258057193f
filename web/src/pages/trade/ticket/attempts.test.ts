import { describe, expect, it } from "vitest";
import { Problem, Unreachable } from "../../../api/problem";
import { attemptOf, newClientOrderId } from "./attempts";
import { explained, isUnknown } from "./refusals";
import { newTerms } from "./terms";

describe("an attempt", () => {
  const terms = { ...newTerms("ETH/USDT", "acc"), quantity: "1" };
  let made = 0;
  const newId = () => `id-${++made}`;

  it("keeps its id while its terms are sent again, and others have another", () => {
    const first = attemptOf(null, terms, newId);
    expect(attemptOf(first, { ...terms }, newId).clientOrderId).toBe(first.clientOrderId);
    expect(attemptOf(first, { ...terms, quantity: "2" }, newId).clientOrderId).not.toBe(first.clientOrderId);
  });

  it("has an id that fits, also as the beginning of two", () => {
    expect(newClientOrderId({ kind: "LIMIT" })).toHaveLength(36);
    expect(newClientOrderId({ kind: "BRACKET" })).toHaveLength(30);
  });
});

describe("what came of a request", () => {
  it("is not known after silence or a server's failure, and known after a no", () => {
    expect(isUnknown(new Unreachable())).toBe(true);
    expect(isUnknown(new Problem(503, {}))).toBe(true);
    expect(isUnknown(new Problem(422, {}))).toBe(false);
  });

  it("is said with its reason, what to do, and where to find it", () => {
    const problem = new Problem(422, {
      code: "POSITIONS_STALE",
      detail: "they are 9 s old",
      suggested_action: "try again in 5 minutes",
      correlation_id: "c",
    });
    expect(explained(problem)).toEqual({
      title: "Positions are too old to judge an order by",
      detail: "they are 9 s old try again in 5 minutes",
      refusals: [],
      correlationId: "c",
    });
  });
});
