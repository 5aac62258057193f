import { describe, expect, it } from "vitest";
import { asksForCurrency, choicesOf, draftOf, NEW_LIMIT, settingOf, typesFor } from "./limitForm";
import { limitOf, typeOf } from "./samples";
import type { LimitParameter } from "./types";

const parameter = (told: Partial<LimitParameter>): LimitParameter => ({
  name: "window_s",
  kind: "INTEGER",
  about: "how far it looks back",
  is_required: true,
  ...told,
});
const rate = typeOf({
  limit_type: "MESSAGE_RATE",
  unit: "messages in the window",
  parameters: [parameter({})],
});
const errorsOf = (setting: ReturnType<typeof settingOf>) => ("errors" in setting ? setting.errors : {});

describe("a limit's form", () => {
  it("makes the request, amounts as typed and nothing more", () => {
    const draft = {
      ...NEW_LIMIT,
      instrument: "ETH/USDT",
      value: " 25.50 ",
      action: "KILL",
      thresholds: "50 80",
    };
    expect(settingOf(draft, typeOf({}), "desk", null)).toEqual({
      node_id: "desk",
      limit_type: "LONG_POSITION",
      instrument: "ETH/USDT",
      value: "25.50",
      parameters: {},
      currency: "USDT",
      action: "KILL",
      thresholds_pct: [50, 80],
      valid_from: null,
      valid_until: null,
    });
  });

  it("asks for the currency of a notional, and of a loss only where it says one that the server refuses", () => {
    const asks = (unit: string, currency: string) => asksForCurrency({ currency }, typeOf({ unit }));
    expect([asks("currency", "USDT"), asks("base currency", "USDT"), asks("seconds", "ETH")]).toEqual([
      true,
      false,
      false,
    ]);
    expect(asks("base currency", "ETH")).toBe(true);
  });

  it("changes the version that it was filled with", () => {
    const limit = limitOf({ limit_id: "id", version: 3, set_value: "7", value: "9" });
    const setting = settingOf(draftOf(limit), typeOf({}), "desk", limit);
    expect(setting).toMatchObject({ limit_id: "id", version: 3, value: "7", action: "REJECT" });
  });

  it("keeps parameters of every kind as they are set, not as an override makes them", () => {
    const hours = { days: ["MON"], from: "09:00", until: "17:30" };
    const type = typeOf({
      unit: "parameters",
      parameters: [
        parameter({ name: "hours", kind: "HOURS", is_required: false }),
        parameter({ name: "sides", kind: "WORDS", is_required: false }),
        parameter({ name: "venues", kind: "WORDS", is_required: false }),
        parameter({ name: "mode", kind: "WORD" }),
        parameter({ name: "messages_min", kind: "AMOUNT" }),
        parameter({}),
      ],
    });
    const before = limitOf({
      value: null,
      set_value: null,
      parameters: { sides: ["SELL"], mode: "ALLOW" },
      set_parameters: { hours, sides: ["BUY"], mode: "DENY", messages_min: "100.5", window_s: 60 },
    });
    expect(settingOf(draftOf(before), type, "desk", null)).toMatchObject({
      value: null,
      parameters: before.set_parameters,
    });
  });

  it("says at each field what is wrong with it", () => {
    const draft = { ...NEW_LIMIT, instrument: " ", value: "1e3", thresholds: "70, 100", validFrom: "never" };
    expect(Object.keys(errorsOf(settingOf(draft, rate, "desk", null))).sort()).toEqual([
      "instrument",
      "thresholds_pct",
      "valid_from",
      "value",
      "window_s",
    ]);
    expect(errorsOf(settingOf(NEW_LIMIT, undefined, "desk", null))).toHaveProperty("limit_type");
  });

  it("refuses a window that is no whole number, six thresholds, and an end before its beginning", () => {
    const draft = { ...NEW_LIMIT, value: "5", parameters: { window_s: "1.5" } };
    expect(errorsOf(settingOf(draft, rate, "desk", null))).toHaveProperty("window_s");
    const many = { ...draft, parameters: { window_s: "60" }, thresholds: "1 2 3 4 5 6" };
    expect(errorsOf(settingOf(many, rate, "desk", null))).toHaveProperty("thresholds_pct");
    const dates = { validFrom: "2026-12-02T00:00", validUntil: "2026-12-01T00:00" };
    expect(errorsOf(settingOf({ ...many, thresholds: "", ...dates }, rate, "desk", null))).toEqual({
      valid_until: "After its beginning",
    });
  });
});

describe("what can be chosen", () => {
  it("are the types for this kind of node that are not built in", () => {
    const types = [
      typeOf({ limit_type: "A" }),
      typeOf({ limit_type: "B", is_built_in: true }),
      typeOf({ limit_type: "C", node_kinds: ["ACCOUNT"] }),
    ];
    expect(typesFor(types, "DESK").map((type) => type.limit_type)).toEqual(["A"]);
    expect(typesFor(types, "ACCOUNT").map((type) => type.limit_type)).toEqual(["A", "C"]);
  });

  it("are the words that the server names", () => {
    expect(choicesOf(parameter({ kind: "WORD", about: "ALLOW or DENY" }))).toEqual(["ALLOW", "DENY"]);
    expect(choicesOf(parameter({ kind: "WORDS", about: "some of GTC, IOC, FOK" }))).toEqual([
      "GTC",
      "IOC",
      "FOK",
    ]);
    expect(choicesOf(parameter({ kind: "WORDS", about: "symbols such as ETH/USDT" }))).toEqual([]);
  });
});
