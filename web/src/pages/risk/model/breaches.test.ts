import { describe, expect, it } from "vitest";
import { breachName, breachWords, isBefore, kindOf, passes } from "./breaches";
import type { LimitBreach, NodeStateChange } from "./types";

const refused: LimitBreach = {
  topic: "limits.LimitBreached.v1",
  correlation_id: "c",
  limit_id: "l",
  event_id: "1",
  occurred_at: "2026-11-30T07:52:37.668972Z",
  used: "20",
  limit: "50",
  action: "REJECT",
  symbol: "ETH/USDT",
  node_id: "n",
  node_name: "Trader 1",
  order_id: "o",
  reserved: "3.5",
  attempted: "51",
  instrument: "*",
  limit_type: "MAX_ORDER_QTY",
  threshold_pct: 100,
};
const killed: NodeStateChange = {
  topic: "limits.NodeStateChanged.v1",
  correlation_id: "c",
  event_id: "2",
  occurred_at: "2026-11-30T08:00:00Z",
  state_before: "ACTIVE",
  state: "KILLED",
  reason: "<b>drill</b>",
  changed_by: "risk",
  node_id: "n",
  node_name: "Desk A",
};

describe("a breach", () => {
  it("says what was tried, on what, and of how much", () => {
    expect([kindOf(refused), kindOf(killed)]).toEqual(["REFUSED", "STATE"]);
    expect(breachName(refused)).toBe("Max order qty");
    expect(breachWords(refused)).toBe("51 more on 23.5 of 50, ETH/USDT");
  });

  it("of a node's state says who did it and why, as it was typed", () => {
    expect(breachName(killed)).toBe("State of the node");
    expect(breachWords(killed)).toBe("active \u2192 killed, by risk: <b>drill</b>");
  });

  it("at a stopped node has no amounts", () => {
    const stopped = { ...refused, limit_id: null, limit_type: "KILL_SWITCH", limit: null };
    expect(breachWords(stopped)).toMatch(/takes none now/);
    expect(kindOf({ ...refused, action: "WARN" })).toBe("WARNED");
  });

  it("without an order says what was lost, and that its limit is crossed", () => {
    const loss: LimitBreach = {
      ...refused,
      topic: "limits.LimitBreached.v2",
      limit_type: "DAILY_LOSS",
      used: "101.5",
      reserved: "0",
      attempted: "0",
      limit: "100",
      order_id: null,
      symbol: null,
    };
    expect([kindOf(loss), breachWords(loss)]).toEqual(["CROSSED", "101.5 of 100 lost, by prices and fills"]);
    expect(kindOf({ ...loss, action: "WARN", threshold_pct: 70 })).toBe("WARNED");
    expect(kindOf({ ...loss, action: "WARN" })).toBe("CROSSED");
  });

  it("is found by type, by state and by time", () => {
    const all = { what: "", since: null, until: null };
    expect([refused, killed].filter((each) => passes(each, all))).toHaveLength(2);
    expect([refused, killed].filter((each) => passes(each, { ...all, what: "STATE" }))).toEqual([killed]);
    expect([refused, killed].filter((each) => passes(each, { ...all, what: "MAX_ORDER_QTY" }))).toEqual([
      refused,
    ]);
    const since = "2026-11-30T07:59:00Z";
    expect([refused, killed].filter((each) => passes(each, { ...all, since }))).toEqual([killed]);
    expect([refused, killed].filter((each) => passes(each, { ...all, until: since }))).toEqual([refused]);
    expect([isBefore(refused, since), isBefore(killed, since), isBefore(undefined, since)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
