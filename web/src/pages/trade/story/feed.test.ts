import { describe, expect, it } from "vitest";
import { eventsOf, type FeedEvent, sequenceBefore } from "./feed";

const BEGIN = Date.parse("2026-11-30T00:00:00Z");

/** A feed with an event a second, every hundredth of which is of the order "mine". */
function feed(length: number) {
  let reads = 0;
  const at = (sequence: number): FeedEvent =>
    ({
      sequence,
      aggregate_id: sequence % 100 === 0 ? "mine" : "other",
      occurred_at: new Date(BEGIN + sequence * 1_000).toISOString(),
      payload: {},
    }) as FeedEvent;
  const read = async (since: number, limit: number) => {
    reads += 1;
    const count = Math.max(0, Math.min(limit, length - since));
    return Array.from({ length: count }, (_, index) => at(since + index + 1));
  };
  return { read, reads: () => reads };
}
const moment = (seconds: number) => new Date(BEGIN + seconds * 1_000).toISOString();

describe("an order's events", () => {
  it("are found in a long feed with few questions", async () => {
    const { read, reads } = feed(100_000);
    const found = await eventsOf("mine", moment(70_000), moment(70_300), read);
    expect(found.events.map((event) => event.sequence)).toContain(70_000);
    expect(found.events.map((event) => event.sequence)).toContain(70_300);
    expect(found.isCut).toBe(false);
    expect(reads()).toBeLessThan(30);
  });

  it("are read to the end of the feed while the order lives, and it is said where that is too far", async () => {
    const { read } = feed(1_000);
    expect((await eventsOf("mine", moment(950), null, read)).events.map((event) => event.sequence)).toEqual(
      expect.arrayContaining([1_000]),
    );
    expect((await eventsOf("mine", moment(0), null, feed(10_000).read)).isCut).toBe(true);
  });

  it("begin where all before is older", async () => {
    const since = await sequenceBefore(BEGIN + 5_000_500, feed(10_000).read);
    expect(since).toBeLessThanOrEqual(5_000);
    expect(since).toBeGreaterThan(4_700);
    expect(await sequenceBefore(BEGIN, feed(10_000).read)).toBe(0);
    expect(await sequenceBefore(BEGIN, feed(0).read)).toBe(0);
  });

  it("are those that name it anywhere", async () => {
    const named = [
      { order_id: "mine" },
      { parent_order_id: "mine" },
      { order: { order_id: "mine" } },
      { order: {} },
    ];
    const events = named.map(
      (payload, index) =>
        ({
          sequence: index + 1,
          aggregate_id: "x",
          occurred_at: moment(index),
          payload,
        }) as unknown as FeedEvent,
    );
    const read = async (since: number, limit: number) => events.slice(since, since + limit);
    expect((await eventsOf("mine", moment(0), null, read)).events).toHaveLength(3);
  });
});
