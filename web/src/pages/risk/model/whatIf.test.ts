import { describe, expect, it } from "vitest";
import type { RefusedOrder, WhatIfDay } from "./types";
import { outcomeOf, whyOf } from "./whatIf";

const dayOf = (told: Partial<WhatIfDay>): WhatIfDay => ({
  day: "2026-11-30",
  judged_count: 10,
  refused_count: 1,
  refused: [],
  passed_count: 0,
  passed: [],
  exposure: [],
  pnl: [],
  currency: "USDT",
  assumptions: ["prices are the last trades"],
  ...told,
});

describe("what other limits would have done", () => {
  it("is summed over the days, exactly", () => {
    const outcome = outcomeOf([
      dayOf({ pnl: [{ account_id: "a", node_id: "n", actual: "0.1", what_if: "-1" }] }),
      dayOf({ day: "2026-12-01", pnl: [{ account_id: "a", node_id: "n", actual: "0.2", what_if: "0.5" }] }),
    ]);
    expect(outcome).toMatchObject({ judgedCount: 20, refusedCount: 2, passedCount: 0 });
    expect(outcome.pnl).toEqual([{ account_id: "a", node_id: "n", actual: "0.3", what_if: "-0.5" }]);
    expect(outcome.byDay).toEqual([
      { day: "2026-11-30", actual: "0.1", what_if: "-1" },
      { day: "2026-12-01", actual: "0.2", what_if: "0.5" },
    ]);
    expect(outcome.assumptions).toEqual(["prices are the last trades"]);
  });

  it("is not known as a whole where a day is not", () => {
    const days = [null, "1"].map((actual) =>
      dayOf({ pnl: [{ account_id: "a", node_id: "n", actual, what_if: "1" }] }),
    );
    expect(outcomeOf(days).pnl).toEqual([{ account_id: "a", node_id: "n", actual: null, what_if: "2" }]);
    expect(outcomeOf(days).currency).toBe("USDT");
  });

  it("keeps the greater peak, long or short", () => {
    const peak = (peak_position: string, peak_open_notional: string) =>
      dayOf({
        exposure: [
          { node_id: "n", node_name: "Desk A", symbol: "ETH/USDT", peak_position, peak_open_notional },
        ],
      });
    expect(outcomeOf([peak("5", "100"), peak("-7", "90")]).peaks).toEqual([
      {
        node_id: "n",
        node_name: "Desk A",
        symbol: "ETH/USDT",
        peak_position: "-7",
        peak_open_notional: "100",
      },
    ]);
  });

  it("says of each order which limits would have refused it", () => {
    const refusals = [
      { limit_type: "MAX_ORDER_QTY", instrument: "ETH/USDT", node_name: "Desk A" },
      { limit_type: "CREDIT", instrument: "*", node_name: "Firm" },
    ];
    expect(whyOf({ missing: null, refusals } as RefusedOrder)).toBe(
      "Max order qty ETH/USDT of Desk A, Credit of Firm",
    );
    expect(whyOf({ missing: "a price of ETH/USDT", refusals } as RefusedOrder)).toBe(
      "not known: a price of ETH/USDT",
    );
  });
});
