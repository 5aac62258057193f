import { describe, expect, it } from "vitest";
import {
  allowedWords,
  limitName,
  parameterWords,
  settingWords,
  typeWords,
  unitWords,
  valueWords,
} from "./limitWords";
import { limitOf } from "./samples";

describe("a limit in words", () => {
  it("has its type's name and its instrument", () => {
    expect(typeWords("ADV_PCT")).toBe("Share of daily volume");
    expect(typeWords("INCREMENTAL_VAR")).toBe("Incremental value at risk");
    expect(limitName(limitOf({}))).toBe("Long position");
    expect(limitName(limitOf({ instrument: "ETH/USDT" }))).toBe("Long position ETH/USDT");
    expect(limitName(limitOf({ instrument: "venue:SIM" }))).toBe("Long position at SIM");
  });

  it.each([
    ["currency", "USDT"],
    ["base units", "ETH"],
    ["seconds", "s"],
    ["times the equity", "times the equity"],
    ["fraction of the equity", "of the equity"],
    ["parameters", ""],
  ])("of the unit %s is in %s", (unit, words) => {
    expect(unitWords(limitOf({ instrument: "ETH/USDT" }), unit)).toBe(words);
  });

  it("says the window with what is counted in it", () => {
    const windowed = limitOf({ parameters: { window_s: 10 } });
    expect(unitWords(windowed, "messages in the window")).toBe("messages in 10 s");
    expect(unitWords(windowed, "currency")).toBe("USDT in 10 s");
    expect(settingWords({ ...windowed, value: "5" }, "messages in the window")).toBe("5 messages in 10 s");
  });

  it("tells fractions in percent, every digit kept", () => {
    expect(valueWords("0.10", "fraction of the reference price")).toBe("10 %");
    expect(valueWords("0.123456789012345678", "fraction of x")).toBe("12.3456789012345678 %");
    expect(valueWords("2500000", "currency")).toBe("2,500,000");
  });

  it("tells what a part of the equity comes to", () => {
    const margin = limitOf({ value: "0.5", allowed: "49133.73333", currency: "USDT" });
    expect(allowedWords(margin, "fraction of the equity")).toBe("49,133.73 USDT (50 % of the equity)");
    expect(allowedWords(limitOf({ value: "100", allowed: "100.00" }), "orders")).toBe("100 orders");
  });

  it("has parameters as they are spoken", () => {
    expect(parameterWords({ mode: "DENY", symbols: ["LUNA/USDT", "UST/USDT"] })).toBe(
      "mode DENY, symbols LUNA/USDT UST/USDT",
    );
    const hours = { days: ["MON", "TUE", "WED"], from: "09:00", until: "17:30" };
    expect(parameterWords({ hours })).toBe("hours MON–WED 09:00–17:30");
    expect(parameterWords({ hours: { ...hours, days: ["MON", "WED"] } })).toBe("hours MON, WED 09:00–17:30");
  });
});
