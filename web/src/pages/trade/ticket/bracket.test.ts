import { describe, expect, it } from "vitest";
import { Problem, Unreachable } from "../../../api/problem";
import type { Order } from "../orderWords";
import { exitTerms, type OrderCalls, placeBracket } from "./bracket";
import { newTerms, type OrderTerms } from "./terms";

const TERMS = {
  ...newTerms("ETH/USDT", "acc"),
  kind: "BRACKET" as const,
  quantity: "1",
  price: "2600",
  target_px: "2800",
  stop_px: "2500",
};
const order = (told: Partial<Order>): Order =>
  ({ order_id: "e", status: "NEW", cum_qty: "0", ...told }) as Order;

function calls(answers: (Order | Error)[], more: Partial<OrderCalls> = {}) {
  const placed: OrderTerms[] = [];
  const made: OrderCalls = {
    place: async (terms) => {
      placed.push(terms);
      const answer = answers.shift();
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error("one too many");
      return answer;
    },
    order: async () => order({}),
    cancel: async () => order({ status: "CANCELED" }),
    wait: async () => undefined,
    ...more,
  };
  return { placed, made };
}

describe("a bracket", () => {
  it("is an entry, then an exit of the other side that works no more than it fills", async () => {
    const { placed, made } = calls([order({}), order({ order_id: "x" })]);
    const bracket = await placeBracket(TERMS, "id", made);
    expect(bracket.exit?.order_id).toBe("x");
    expect(placed.map((each) => each.client_order_id)).toEqual(["id-entry", "id-exit"]);
    expect(placed[1]).toMatchObject({
      side: "SELL",
      price: "2800",
      quantity: "1",
      execution: { algorithm: "OCO", after: "e", stop_px: "2500", venues: ["SIM"] },
    });
  });

  it("exits what an entry that has ended filled, and nothing where that is nothing", async () => {
    const filled = order({ status: "CANCELED", cum_qty: "0.4" });
    expect(exitTerms(TERMS, "id", filled).quantity).toBe("0.4");
    const { placed, made } = calls([order({ status: "CANCELED" })]);
    expect((await placeBracket(TERMS, "id", made)).exit).toBeNull();
    expect(placed).toHaveLength(1);
  });

  it("waits until it is known whether the entry was taken", async () => {
    let looks = 0;
    const { placed, made } = calls([order({ status: "UNKNOWN" }), order({ order_id: "x" })], {
      order: async () => order({ status: ++looks < 3 ? "UNKNOWN" : "NEW" }),
    });
    await placeBracket(TERMS, "id", made);
    expect(looks).toBe(3);
    expect(placed).toHaveLength(2);
  });

  it("takes its entry back when the exit is refused, and says so where that fails", async () => {
    const refusal = new Problem(422, { detail: "no" });
    const taken = await placeBracket(TERMS, "id", calls([order({}), refusal]).made);
    expect(taken).toMatchObject({ entry: { status: "CANCELED" }, exit: null, refusal });
    const kept = calls([order({}), refusal], {
      cancel: async () => {
        throw new Unreachable();
      },
    });
    expect((await placeBracket(TERMS, "id", kept.made)).note).toMatch(/may still fill/);
  });

  it("cancels nothing while nobody knows of the exit", async () => {
    const { made } = calls([order({}), new Unreachable()], {
      cancel: async () => {
        throw new Error("it was cancelled");
      },
    });
    await expect(placeBracket(TERMS, "id", made)).rejects.toBeInstanceOf(Unreachable);
  });
});
