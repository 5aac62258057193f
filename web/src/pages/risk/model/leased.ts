/**
 * How much of what is reserved under a limit leases hold.
 *
 * The API counts a lease as reserved. Which part of it that is follows from the leases below the node, for the types
 * that add up quantities, notionals or orders; for the others (at mark, or by the equity) it is not told.
 */
import Big from "big.js";
import { larger } from "./exact";
import type { Lease, Limit, TreeNode } from "./types";

/** The leases that hold something at the node: those of accounts at and below it, or of its strategy. */
export function leasesBelow(node: TreeNode, leases: readonly Lease[]): readonly Lease[] {
  const accounts = new Set<string>();
  const strategies = new Set<string>();
  const collect = (each: TreeNode): void => {
    if (each.account_id !== null) accounts.add(each.account_id);
    if (each.kind === "STRATEGY") strategies.add(each.node_id);
    each.children.forEach(collect);
  };
  collect(node);
  return leases.filter(
    (lease) =>
      accounts.has(lease.account_id) || (lease.strategy_id !== null && strategies.has(lease.strategy_id)),
  );
}

/** Null where the leases' part is not told; "0" where none of them counts to the limit. */
export function leasedUnder(limit: Limit, leases: readonly Lease[]): string | null {
  const counted = leases.filter((lease) => isCounted(limit.instrument, lease));
  switch (limit.limit_type) {
    case "LONG_POSITION":
      return worstSymbol(counted, (lease) => lease.buy_free);
    case "SHORT_POSITION":
      return worstSymbol(counted, (lease) => lease.sell_free);
    case "OPEN_ORDER_NOTIONAL":
    case "DAILY_TRADED_NOTIONAL":
    case "WINDOW_VOLUME":
      return inCurrency(limit, counted, (lease) => new Big(lease.buy_free).plus(lease.sell_free));
    default:
      return counted.length === 0 ? "0" : null;
  }
}

/** A lease holds for both sides until it is over; `*` and the filters are those of limits. */
function isCounted(instrument: string, lease: Lease): boolean {
  if (instrument === "*" || instrument.startsWith("class:")) return true;
  if (instrument.startsWith("venue:")) return instrument === `venue:${lease.venue}`;
  return instrument === lease.symbol;
}

/** Positions are of each symbol by itself: the use of a limit on all is that of the worst one. */
function worstSymbol(leases: readonly Lease[], held: (lease: Lease) => string): string {
  const bySymbol = new Map<string, Big>();
  for (const lease of leases) {
    bySymbol.set(lease.symbol, (bySymbol.get(lease.symbol) ?? new Big(0)).plus(held(lease)));
  }
  return [...bySymbol.values()].map((each) => each.toFixed()).reduce(larger, "0");
}

/** Null where one is in another currency: at which rate it was turned into the limit's is not told. */
function inCurrency(limit: Limit, leases: readonly Lease[], held: (lease: Lease) => Big): string | null {
  let sum = new Big(0);
  for (const lease of leases) {
    if (lease.symbol.split("/")[1] !== limit.currency) return null;
    sum = sum.plus(held(lease).times(lease.valuation_price));
  }
  return sum.toFixed();
}
