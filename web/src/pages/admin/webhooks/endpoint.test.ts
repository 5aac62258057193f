import { describe, expect, it } from "vitest";
import { type Endpoint, endpointChange, endpointForm, endpointRequest, redeliveryPeriod } from "./endpoint";

const endpoint: Endpoint = {
  endpoint_id: "e",
  name: "books",
  url: "https://hooks.example.com/",
  topics: ["orders.*", "trades.TradeExecuted.v1"],
  account_ids: ["a", "b"],
  state: "ACTIVE",
  paused_at: null,
  paused_by: null,
  paused_reason: null,
  failures: 0,
  failing_since: null,
  retry_at: null,
  last_delivered_at: null,
  missed: 0,
  missed_since: null,
  created_at: "2026-12-01T00:00:00Z",
  created_by: "admin",
  waiting: 0,
  older_secret_ends_at: null,
};

describe("a change of an endpoint", () => {
  const form = endpointForm(endpoint);

  it("is nothing where nothing differs, in whichever order", () => {
    expect(endpointChange(endpoint, form)).toBeNull();
    expect(
      endpointChange(endpoint, { ...form, topics: [...form.topics].reverse(), accountIds: ["b", "a"] }),
    ).toBeNull();
  });

  it("says what differs and nothing else", () => {
    expect(endpointChange(endpoint, { ...form, topics: ["*"] })).toEqual({ topics: ["*"] });
    expect(endpointChange(endpoint, { ...form, name: "ledger " })).toEqual({ name: "ledger" });
  });

  it("to all accounts is said with null, which leaves nothing out", () => {
    expect(endpointChange(endpoint, { ...form, isOfAll: true })).toEqual({ account_ids: null });
  });
});

it("a new endpoint has each topic once", () => {
  const form = { ...endpointForm(endpoint), topics: ["orders.*", " orders.* "], isOfAll: true };
  expect(endpointRequest(form)).toEqual({
    name: "books",
    url: "https://hooks.example.com/",
    topics: ["orders.*"],
    account_ids: null,
  });
});

describe("a period to send again", () => {
  it("is by the browser's clock", () => {
    expect(redeliveryPeriod("2026-12-01T09:00", "2026-12-01T10:00")).toEqual({
      body: {
        since: new Date(2026, 11, 1, 9).toISOString(),
        until: new Date(2026, 11, 1, 10).toISOString(),
      },
    });
  });

  it.each([
    ["", "2026-12-01T10:00"],
    ["2026-12-01T10:00", "2026-12-01T10:00"],
    ["2026-12-01T11:00", "2026-12-01T10:00"],
  ])("from %s to %s is none", (since, until) => {
    expect(redeliveryPeriod(since, until)).toHaveProperty("problem");
  });

  it("goes on exactly where the one before stopped, unless another time is typed", () => {
    const stopped = new Date(2026, 11, 1, 9, 30, 39, 250).toISOString().replace("Z", "123Z");
    const since = (typed: string) => redeliveryPeriod(typed, "2026-12-01T10:00", stopped);
    expect(since("2026-12-01T09:30")).toMatchObject({ body: { since: stopped } });
    expect(since("2026-12-01T09:31")).toMatchObject({
      body: { since: new Date(2026, 11, 1, 9, 31).toISOString() },
    });
  });
});
