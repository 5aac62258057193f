import { describe, expect, it } from "vitest";
import { Account } from "./account";
import type { LiveEvent, LiveOrder } from "./messages";
import { averagePrice, OrderList } from "./orders";

const ORDER = {
  order_id: "o",
  client_order_id: "c",
  account_id: "a",
  symbol: "ETH/USDT",
  side: "BUY",
  type: "LIMIT",
  status: "NEW",
  quantity: "3",
  price: "100",
  cum_qty: "0",
  leaves_qty: "3",
  time_in_force: "GTC",
  venue: "SIM",
} as const;

const ITEM: LiveOrder = {
  ...ORDER,
  avg_px: null,
  is_leased: false,
  created_at: "2026-01-02T03:04:05.000006Z",
  updated_at: "2026-01-02T03:04:05.000006Z",
  correlation_id: "x",
  reject_code: null,
  reject_reason: null,
};

function event(topic: string, engine_seq: number, order: object, members: object = {}): LiveEvent {
  const state = { ...ORDER, cum_notional: "0", reject_code: null, reject_reason: null, ...order };
  return {
    event_id: `${topic} ${engine_seq}`,
    topic,
    account_id: "a",
    aggregate_id: "o",
    correlation_id: "x",
    occurred_at_ns: 0,
    payload: { ...members, order: { ...state, engine_seq, transact_time_ns: 1_790_000_000_000_000_000 } },
  };
}

const FILLED = event(
  "trades.TradeExecuted.v1",
  3,
  { status: "FILLED", cum_qty: "3", leaves_qty: "0", cum_notional: "299" },
  { trade_id: "t", last_qty: "3", last_px: "99.67", liquidity: "TAKER", fee: "0.1", fee_currency: "USDT" },
);

describe("a list of orders", () => {
  it("goes by the last word on an order", () => {
    const list = new OrderList();
    list.begin([ITEM]);
    expect(list.take(FILLED)).toBe(true);
    expect(list.list()).toMatchObject([
      { status: "FILLED", cum_qty: "3", avg_px: "99.66666667", created_at: ITEM.created_at },
    ]);
    expect(list.take(event("orders.OrderAccepted.v1", 2, {}))).toBe(false);
    expect(list.list()[0]?.status).toBe("FILLED");
  });

  it("does not open again what its snapshot knows to be over", () => {
    const list = new OrderList();
    list.begin([{ ...ITEM, status: "CANCELED" }]);
    expect(list.take(event("orders.OrderAccepted.v1", 2, {}))).toBe(false);
    expect(list.list()[0]?.status).toBe("CANCELED");
  });

  it("takes a new order in, says why one was refused, and leaves the router's children out", () => {
    const list = new OrderList();
    list.begin([]);
    list.take(event("orders.ChildOrderChanged.v1", 1, { order_id: "child" }));
    list.take(event("orders.ExecutionMeasured.v1", 1, { order_id: "measured" }));
    list.take(event("orders.OrderRefused.v1", 0, { status: "REJECTED", reject_code: "LIMIT_EXCEEDED" }));
    expect(list.list()).toMatchObject([{ order_id: "o", status: "REJECTED", reject_code: "LIMIT_EXCEEDED" }]);
  });

  it("rounds an average price as the server does", () => {
    expect(averagePrice("0.00000003", "2")).toBe("0.00000002"); // 1.5 steps: to the even one.
    expect(averagePrice("0.00000005", "2")).toBe("0.00000002");
    expect(averagePrice("100", "3")).toBe("33.33333333");
    expect(averagePrice("0", "0.000")).toBeNull();
  });
});

describe("an account's channel", () => {
  it("notices what is missing, and keeps each fill once", () => {
    const account = new Account("orders", "a");
    const of = { channel: "orders", account_id: "a" } as const;
    account.take({ ...of, type: "snapshot", sequence: 4, items: [ITEM], is_complete: true });
    expect(account.take({ ...of, type: "update", previous_sequence: 5, sequence: 6, event: FILLED })).toBe(
      "GAP",
    );
    expect(account.take({ ...of, type: "update", previous_sequence: 4, sequence: 6, event: FILLED })).toBe(
      "TAKEN",
    );
    account.take({ ...of, type: "snapshot", sequence: 4, items: [ITEM], is_complete: true });
    expect(account.take({ ...of, type: "update", previous_sequence: 4, sequence: 6, event: FILLED })).toBe(
      "TAKEN",
    );
    expect(account.liveFills()).toMatchObject([{ trade_id: "t", last_qty: "3", side: "BUY", fee: "0.1" }]);
    expect(account.take({ ...of, type: "resumed", sequence: 3 })).toBe("GAP");
  });
});
