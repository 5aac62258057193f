import { describe, expect, it } from "vitest";
import { inUtc, replayRequest } from "./replay";

const TERMS = {
  consumer: "alerts",
  since: "2026-11-30T10:00",
  until: "2026-11-30T11:00",
  accountId: " ",
} as const;

describe("a replay that is typed", () => {
  it("is of the user's own zone, and of all accounts where none is named", () => {
    expect(replayRequest(TERMS, "id")).toEqual({
      replay_id: "id",
      consumer: "alerts",
      since: new Date(2026, 10, 30, 10).toISOString(),
      until: new Date(2026, 10, 30, 11).toISOString(),
      account_id: null,
      cursor: null,
    });
  });

  it("is not sent while a time is missing or none", () => {
    expect(replayRequest({ ...TERMS, until: "" }, "id")).toBeNull();
    expect(replayRequest({ ...TERMS, since: "yesterday" }, "id")).toBeNull();
  });

  it("names its account", () => {
    expect(replayRequest({ ...TERMS, accountId: " a-1 " }, "id")?.account_id).toBe("a-1");
  });
});

it("nothing typed is no time", () => {
  expect(inUtc("")).toBeNull();
});
