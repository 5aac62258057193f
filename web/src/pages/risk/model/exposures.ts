/** Exposure and profit by instrument, venue and desk, in exact sums. */
import { byGreatest, magnitude, plus, sumOf, times } from "./exact";
import { groupOf, wayTo } from "./limitTree";
import type { AccountPortfolio, Position, Reservation, Trade, TreeNode } from "./types";

/** In the quote currency; null where a mark is not known. */
export interface Exposure {
  readonly key: string;
  readonly name: string;
  readonly currency: string;
  /** Longs less shorts at mark, and both added up. */
  readonly net: string | null;
  readonly gross: string | null;
  /** Whether one of the marks is old. */
  readonly isStale: boolean;
}

export interface InstrumentExposure extends Exposure {
  readonly quantity: string;
  readonly markPrice: string | null;
}

interface Group {
  readonly key: string;
  readonly name: string;
}

const NO_DESK: Group = { key: "", name: "in no desk" };

export function quoteOf(symbol: string): string {
  return symbol.split("/")[1] ?? "";
}

/** Signed quantity at mark. */
export function notionalOf(position: Pick<Position, "quantity" | "mark_price">): string | null {
  return position.mark_price === null ? null : times(position.quantity, position.mark_price);
}

export function byInstrument(positions: readonly Position[]): readonly InstrumentExposure[] {
  return grouped(positions, (position) => ({ key: position.symbol, name: position.symbol })).map(
    ({ group, currency, members }) => ({
      ...exposureOf(group, currency, members),
      quantity: sumOf(members.map((position) => position.quantity)) ?? "0",
      markPrice: members[0]?.mark_price ?? null,
    }),
  );
}

export function byDesk(positions: readonly Position[], desks: DeskOf): readonly Exposure[] {
  return grouped(positions, (position) => desks(position.account_id)).map(({ group, currency, members }) =>
    exposureOf(group, currency, members),
  );
}

function exposureOf(group: Group, currency: string, positions: readonly Position[]): Exposure {
  const notionals = positions.map(notionalOf);
  return {
    ...group,
    currency,
    net: sumOf(notionals),
    gross: sumOf(notionals.map((notional) => (notional === null ? null : magnitude(notional)))),
    isStale: positions.some((position) => position.stale),
  };
}

/** Groups of one quote currency: amounts of two are never added. */
function grouped(positions: readonly Position[], groupOf: (position: Position) => Group) {
  const found = new Map<string, { group: Group; currency: string; members: Position[] }>();
  for (const position of positions) {
    const group = groupOf(position);
    const currency = quoteOf(position.symbol);
    const key = `${group.key}/${currency}`;
    const before = found.get(key);
    if (before === undefined) found.set(key, { group, currency, members: [position] });
    else before.members.push(position);
  }
  return [...found.values()];
}

export interface VenueExposure {
  readonly venue: string;
  readonly currency: string;
  /** What open orders may cost there. */
  readonly openNotional: string;
  readonly openOrders: number;
  /** Of the fills that were looked at. */
  readonly tradedNotional: string;
  readonly boughtLessSold: string;
  readonly fills: number;
}

export function byVenue(
  reservations: readonly Reservation[],
  trades: readonly Trade[],
): readonly VenueExposure[] {
  const found = new Map<string, VenueExposure>();
  const change = (venue: string, symbol: string, by: (before: VenueExposure) => Partial<VenueExposure>) => {
    const key = `${venue}/${quoteOf(symbol)}`;
    const before = found.get(key) ?? {
      venue,
      currency: quoteOf(symbol),
      openNotional: "0",
      openOrders: 0,
      tradedNotional: "0",
      boughtLessSold: "0",
      fills: 0,
    };
    found.set(key, { ...before, ...by(before) });
  };
  for (const held of reservations) {
    change(held.venue, held.symbol, (before) => ({
      openNotional: plus(before.openNotional, held.open_notional),
      openOrders: before.openOrders + 1,
    }));
  }
  for (const trade of trades) {
    const notional = times(trade.last_qty, trade.last_px);
    change(trade.venue, trade.symbol, (before) => ({
      tradedNotional: plus(before.tradedNotional, notional),
      boughtLessSold: plus(before.boughtLessSold, trade.side === "BUY" ? notional : times("-1", notional)),
      fills: before.fills + 1,
    }));
  }
  return [...found.values()].sort((one, other) => byGreatest(one.tradedNotional, other.tradedNotional));
}

export interface DeskPnl {
  readonly key: string;
  readonly name: string;
  readonly currency: string;
  readonly accounts: number;
  readonly equity: string | null;
  readonly realised: string | null;
  readonly unrealised: string | null;
  readonly fees: string | null;
  /** Realised after fees, and unrealised. */
  readonly total: string | null;
  readonly isStale: boolean;
}

export function pnlByDesk(accounts: readonly AccountPortfolio[], desks: DeskOf): readonly DeskPnl[] {
  const found = new Map<string, { group: Group; currency: string; members: AccountPortfolio[] }>();
  for (const account of accounts) {
    const group = desks(account.account_id);
    const key = `${group.key}/${account.base_currency}`;
    const before = found.get(key);
    if (before === undefined) found.set(key, { group, currency: account.base_currency, members: [account] });
    else before.members.push(account);
  }
  return [...found.values()].map(({ group, currency, members }) => ({
    ...group,
    currency,
    accounts: members.length,
    equity: sumOf(members.map((account) => account.equity)),
    realised: sumOf(members.map((account) => account.realised_pnl)),
    unrealised: sumOf(members.map((account) => account.unrealised_pnl)),
    fees: sumOf(members.map((account) => account.fees)),
    total: sumOf(members.flatMap((account) => [account.net_realised_pnl, account.unrealised_pnl])),
    isStale: members.some((account) => account.stale),
  }));
}

/** The desk of an account. */
export type DeskOf = (accountId: string) => Group;

export function desksIn(roots: readonly TreeNode[]): DeskOf {
  const found = new Map<string, Group>();
  const look = (node: TreeNode): void => {
    if (node.account_id !== null) {
      const desk = groupOf(wayTo(roots, node.node_id), "DESK");
      if (desk !== undefined) found.set(node.account_id, { key: desk.node_id, name: desk.name });
    }
    node.children.forEach(look);
  };
  roots.forEach(look);
  return (accountId) => found.get(accountId) ?? NO_DESK;
}
