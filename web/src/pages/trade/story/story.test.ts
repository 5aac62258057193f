import { describe, expect, it } from "vitest";
import type { Order } from "../orderWords";
import { between, compareMoments, type FeedEvent, type ReservationView, spanOf, storyOf } from "./story";

const ORDER = {
  order_id: "o",
  symbol: "ETH/USDT",
  side: "BUY",
  quantity: "1",
  price: "2600",
  created_at: "2026-11-30T08:00:00.000001Z",
} as Order;
const event = (topic: string, at: string, payload: object): FeedEvent =>
  ({ event_id: `${topic}${at}`, topic, occurred_at: at, payload }) as unknown as FeedEvent;

const NOTHING_ELSE = { replaces: [], held: null, names: new Map() };
const HELD = {
  order_id: "o",
  node_ids: ["firm", "0123456789"],
  quantity: "1",
  open_qty: "0",
  valuation_price: "2600",
  state: "FINAL",
  created_at: "2026-11-30T08:00:00.000200Z",
  updated_at: "2026-11-30T08:00:05Z",
} as ReservationView;

describe("the story of an order", () => {
  it("is in order by the microsecond, whoever tells it", () => {
    const story = storyOf({
      order: ORDER,
      steps: [
        {
          step: "submit_order",
          outcome: "DONE",
          detail: null,
          started_at: "2026-11-30T08:00:00.000300Z",
          finished_at: "2026-11-30T08:00:00.100Z",
          took_ms: 99.7,
        },
      ],
      events: [
        event("orders.OrderAccepted.v1", "2026-11-30T08:00:00.000400Z", { order: { venue: "SIM" } }),
        event("orders.OrderPlaced.v1", "2026-11-30T08:00:00.000200Z", { order: {} }),
      ],
      ...NOTHING_ELSE,
    });
    expect(story.map((chapter) => chapter.title)).toEqual([
      "Order received",
      "Reserved: it may trade up to this",
      "Sent to the exchange",
      "Accepted by the exchange",
    ]);
    expect(story[0]?.detail).toBe("Buy 1 ETH/USDT at 2,600");
  });

  it("says what a meeting with an order of the same firm took", () => {
    const restated = { restatement_reason: "SELF_TRADE", reduced_qty: "0.4", order: { quantity: "0.6" } };
    const story = storyOf({
      order: ORDER,
      steps: [],
      events: [event("orders.OrderRestated.v1", "2026-11-30T08:00:01Z", restated)],
      ...NOTHING_ELSE,
    });
    expect(story.at(-1)).toMatchObject({
      title: "Made smaller: it met an order of your own firm",
      detail: "by 0.4, to 0.6 ETH",
    });
  });

  it("says why a limit refused, and leaves out what is told of it elsewhere", () => {
    const breach = {
      node_name: "Trader 1",
      limit_type: "MAX_ORDER_QTY",
      limit: "50",
      used: "0",
      reserved: "0",
      attempted: "51",
      action: "REJECT",
    };
    const told = storyOf({
      order: ORDER,
      steps: [],
      events: [
        event("orders.OrderRefused.v1", "2026-11-30T08:00:01Z", { order: { reject_code: "LIMIT_EXCEEDED" } }),
        event("limits.LimitBreached.v1", "2026-11-30T08:00:01Z", breach),
        event("alerts.AlertRaised.v2", "2026-11-30T08:00:02Z", {}),
      ],
      ...NOTHING_ELSE,
    });
    expect(told.slice(1).map((chapter) => chapter.detail)).toEqual([
      "Trader 1 lets no single order be so large: 50 ETH at most, and this order has 51 ETH.",
    ]);
  });

  it("says what was reserved where, and when it was given back", () => {
    const told = {
      order: ORDER,
      steps: [],
      events: [event("orders.OrderPlaced.v1", HELD.created_at, { order: {} })],
      replaces: [],
      names: new Map([["firm", "Firm"]]),
    };
    expect(storyOf({ ...told, held: HELD }).map(({ title, detail }) => [title, detail])).toEqual([
      ["Order received", "Buy 1 ETH/USDT at 2,600"],
      ["Reserved: it may trade up to this", "1 ETH at 2,600 at most, together 2,600 USDT, at Firm, 01234567"],
      ["What it held of limits is given back", null],
    ]);
    const open = storyOf({ ...told, held: { ...HELD, state: "CONFIRMED" } });
    expect(open.map((chapter) => chapter.key)).toEqual(["received", "held"]);
  });

  it("shows a step that had no answer as one that waits", () => {
    const step = { started_at: "2026-11-30T08:00:01Z", finished_at: "2026-11-30T08:00:02Z", took_ms: 1 };
    const [, sent] = storyOf({
      order: ORDER,
      steps: [{ ...step, step: "submit_order", outcome: "UNAVAILABLE", detail: "the engine is silent" }],
      events: [],
      ...NOTHING_ELSE,
    });
    expect(sent).toMatchObject({
      title: "Sent to the exchange: no answer",
      tone: "WAITS",
      detail: "the engine is silent",
    });
  });
});

it("moments compare whatever digits they have", () => {
  expect(compareMoments("2026-11-30T08:00:00Z", "2026-11-30T08:00:00.000001Z")).toBe(-1);
  expect(compareMoments("2026-11-30T08:00:00.5Z", "2026-11-30T08:00:00.49Z")).toBe(1);
  expect(compareMoments("2026-11-30T08:00:00.100Z", "2026-11-30T08:00:00.1Z")).toBe(0);
});

it("spans are as long as they are", () => {
  expect(between("2026-11-30T08:00:00.000001Z", "2026-11-30T08:00:00.000251Z")).toBe("250 µs");
  expect([2_500, 250_000, 4_200_000, 180_000_000, 36_000_000_000].map(spanOf)).toEqual([
    "2.5 ms",
    "250 ms",
    "4.2 s",
    "3 min",
    "10 h",
  ]);
});
