import { describe, expect, it } from "vitest";
import type { LiveOrder } from "../../../live/messages";
import type { Order } from "../orderWords";
import { mergedOrders } from "./merge";

const row = (told: Partial<Order>): Order =>
  ({
    order_id: "a",
    status: "NEW",
    quantity: "10",
    price: "2600",
    cum_qty: "0",
    leaves_qty: "10",
    avg_px: null,
    reject_reason: null,
    created_at: "2026-11-30T08:00:00.000001Z",
    execution: null,
    ...told,
  }) as Order;
const word = (told: Partial<LiveOrder>): LiveOrder => ({ ...row({}), ...told }) as LiveOrder;

describe("an order's row with its last word", () => {
  it("stands as the word says, with what only the row has", () => {
    const [merged] = mergedOrders(
      [row({ post_only: true })],
      [word({ status: "PARTIALLY_FILLED", cum_qty: "9.5", avg_px: "2599" })],
    );
    expect(merged).toMatchObject({
      status: "PARTIALLY_FILLED",
      cum_qty: "9.5",
      avg_px: "2599",
      post_only: true,
    });
  });

  it("does not go back to a word that is older than the row", () => {
    expect(mergedOrders([row({ status: "CANCELED" })], [word({ status: "NEW" })])[0]?.status).toBe(
      "CANCELED",
    );
    // As amounts: as text "9" would be more than "10".
    expect(mergedOrders([row({ cum_qty: "10" })], [word({ cum_qty: "9" })])[0]?.cum_qty).toBe("10");
  });
});

it("orders that were heard of alone are added as asked, and all are the newest first", () => {
  const later = word({ order_id: "b", created_at: "2026-11-30T08:00:01.000Z" });
  expect(mergedOrders([row({})], [later]).map((order) => order.order_id)).toEqual(["a"]);
  expect(mergedOrders([row({})], [later], () => true).map((order) => order.order_id)).toEqual(["b", "a"]);
});
