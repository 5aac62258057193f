import { describe, expect, it } from "vitest";
import { byDesk, byInstrument, byVenue, desksIn, pnlByDesk } from "./exposures";
import { nodeOf } from "./samples";
import type { AccountPortfolio, Position, Reservation, Trade } from "./types";

const positionOf = (account_id: string, symbol: string, quantity: string, mark: string | null): Position => ({
  mark_price: mark,
  mark_age_ms: null,
  stale: mark === null,
  account_id,
  symbol,
  quantity,
  average_price: "0",
  realised_pnl: "0",
  unrealised_pnl: "0",
  fees: "0",
  updated_at: "2026-11-30T00:00:00Z",
});
const accountOf = (told: Partial<AccountPortfolio>): AccountPortfolio => ({
  equity: "0",
  realised_pnl: "0",
  unrealised_pnl: "0",
  fees: "0",
  net_realised_pnl: "0",
  account_id: "a",
  name: "a",
  base_currency: "USDT",
  stale: false,
  balances: [],
  positions: [],
  ...told,
});
const account = (id: string) => nodeOf({ node_id: `n-${id}`, kind: "ACCOUNT", account_id: id });
const firm = nodeOf({
  node_id: "firm",
  kind: "FIRM",
  children: [
    nodeOf({ node_id: "A", name: "Desk A", children: [account("a"), account("b")] }),
    nodeOf({ node_id: "B", name: "Desk B", children: [account("c")] }),
    account("d"),
  ],
});
const desks = desksIn([firm]);

describe("the desk of an account", () => {
  it("is the desk above it, and the firm where there is none", () => {
    expect(desks("b").name).toBe("Desk A");
    expect(desks("d").name).toBe("firm");
    expect(desks("gone").name).toBe("in no desk");
  });
});

describe("exposure", () => {
  const positions = [
    positionOf("a", "ETH/USDT", "0.1", "3000.1"),
    positionOf("b", "ETH/USDT", "-0.3", "3000.1"),
    positionOf("c", "BTC/USDT", "1", null),
    positionOf("c", "ETH/BTC", "2", "0.05"),
  ];

  it("of an instrument nets longs and shorts, and adds both up", () => {
    expect(byInstrument(positions)[0]).toEqual({
      key: "ETH/USDT",
      name: "ETH/USDT",
      currency: "USDT",
      quantity: "-0.2",
      markPrice: "3000.1",
      net: "-600.02",
      gross: "1200.04",
      isStale: false,
    });
  });

  it("is not known without a mark, and never a sum of two currencies", () => {
    expect(byDesk(positions, desks).map(({ name, currency, net }) => [name, currency, net])).toEqual([
      ["Desk A", "USDT", "-600.02"],
      ["Desk B", "USDT", null],
      ["Desk B", "BTC", "0.1"],
    ]);
  });

  it("at a venue is what open orders hold and what was traded", () => {
    const held = { venue: "SIM", symbol: "ETH/USDT", open_notional: "10.5" } as Reservation;
    const trade = (side: "BUY" | "SELL", last_qty: string) =>
      ({ venue: "SIM", symbol: "ETH/USDT", side, last_qty, last_px: "0.1" }) as Trade;
    expect(byVenue([held, held], [trade("BUY", "0.2"), trade("SELL", "0.1")])).toEqual([
      {
        venue: "SIM",
        currency: "USDT",
        openNotional: "21",
        openOrders: 2,
        tradedNotional: "0.03",
        boughtLessSold: "0.01",
        fills: 2,
      },
    ]);
  });
});

describe("profit and loss by desk", () => {
  it("adds up the accounts of each, realised after fees and unrealised", () => {
    const accounts = [
      accountOf({ account_id: "a", net_realised_pnl: "0.1", unrealised_pnl: "0.2", equity: "10" }),
      accountOf({ account_id: "b", net_realised_pnl: "-1", unrealised_pnl: "0", equity: "5", stale: true }),
      accountOf({ account_id: "c", net_realised_pnl: "1", unrealised_pnl: null }),
    ];
    const found = pnlByDesk(accounts, desks);
    expect(found.map(({ name, accounts: count, total }) => [name, count, total])).toEqual([
      ["Desk A", 2, "-0.7"],
      ["Desk B", 1, null],
    ]);
    expect(found[0]).toMatchObject({ equity: "15", isStale: true });
  });
});
