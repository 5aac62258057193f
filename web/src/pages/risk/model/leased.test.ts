import { describe, expect, it } from "vitest";
import { leasedUnder, leasesBelow } from "./leased";
import { leaseOf, limitOf, nodeOf } from "./samples";

const eth = leaseOf({ lease_id: "eth" });
const more = leaseOf({ lease_id: "more", buy_free: "5", sell_free: "0" });
const btc = leaseOf({ lease_id: "btc", symbol: "BTC/USDT", buy_free: "12", valuation_price: "60000" });

describe("what leases hold under a limit", () => {
  it("is the free quantity of its side, of the symbol where most is held", () => {
    expect(leasedUnder(limitOf({ limit_type: "LONG_POSITION" }), [eth, more, btc])).toBe("15");
    expect(leasedUnder(limitOf({ limit_type: "SHORT_POSITION" }), [eth, more])).toBe("4");
    expect(leasedUnder(limitOf({ limit_type: "LONG_POSITION", instrument: "BTC/USDT" }), [eth, btc])).toBe(
      "12",
    );
  });

  it("is both sides at the price they are held at for notionals", () => {
    expect(leasedUnder(limitOf({ limit_type: "OPEN_ORDER_NOTIONAL" }), [eth])).toBe("39207");
  });

  it("counts those alone that the limit looks at", () => {
    const elsewhere = limitOf({ limit_type: "LONG_POSITION", instrument: "venue:SIM" });
    expect(leasedUnder(elsewhere, [eth])).toBe("0");
    expect(leasedUnder({ ...elsewhere, instrument: "venue:BOOK" }, [eth])).toBe("10");
  });

  it("is not told at marks, or in another currency", () => {
    expect(leasedUnder(limitOf({ limit_type: "GROSS_NOTIONAL" }), [eth])).toBeNull();
    expect(leasedUnder(limitOf({ limit_type: "GROSS_NOTIONAL" }), [])).toBe("0");
    expect(leasedUnder(limitOf({ limit_type: "OPEN_ORDER_NOTIONAL", currency: "EUR" }), [eth])).toBeNull();
  });

  it("is of the accounts at and below a node, and of its strategy", () => {
    const strategy = nodeOf({ node_id: "s", kind: "STRATEGY" });
    const account = nodeOf({ node_id: "a", kind: "ACCOUNT", account_id: "acc", children: [strategy] });
    const desk = nodeOf({ node_id: "d", children: [account] });
    const ofStrategy = leaseOf({ lease_id: "s", strategy_id: "s" });
    const foreign = leaseOf({ lease_id: "f", account_id: "other" });
    expect(leasesBelow(desk, [eth, ofStrategy, foreign])).toEqual([eth, ofStrategy]);
    expect(leasesBelow(strategy, [eth, ofStrategy, foreign])).toEqual([ofStrategy]);
  });
});
