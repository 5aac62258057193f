/** What limits say to an order, in sentences for somebody who has never seen a limit. */
import Big from "big.js";
import type { components } from "../../../api/schema";
import { shownAmount } from "../../../ui/amounts";

/** Of a preview, or of a refusal, which is one that does not pass. */
export type Finding = components["schemas"]["Refusal"] & { readonly passes?: boolean };

/** Of the order that was judged. */
export interface Assets {
  readonly base: string;
  readonly quote: string;
}

export function assetsOf(symbol: string): Assets {
  const [base = "", quote = ""] = symbol.split("/");
  return { base, quote };
}

type Unit = "BASE" | "MONEY" | "COUNT" | "SHARE" | "TIMES" | "SECONDS" | "NONE";

interface Words {
  /** What it is called in a list. */
  readonly name: string;
  readonly unit: Unit;
  /** Why it refuses, with the node's name before it: "Desk A" + " stops …". */
  readonly refuses: string;
}

const WORDS: Readonly<Record<string, Words>> = {
  PRICE_COLLAR: {
    name: "Distance from the market",
    unit: "SHARE",
    refuses: "lets no price lie so far from the market",
  },
  MAX_ORDER_QTY: { name: "Size of one order", unit: "BASE", refuses: "lets no single order be so large" },
  MAX_ORDER_NOTIONAL: {
    name: "Worth of one order",
    unit: "MONEY",
    refuses: "lets no single order be worth so much",
  },
  ADV_PCT: {
    name: "Share of a day's volume",
    unit: "SHARE",
    refuses: "lets no order be so large a part of a day's usual volume",
  },
  RESTRICTED_LIST: { name: "Symbols", unit: "NONE", refuses: "does not let this symbol be traded" },
  ORDER_PERMISSION: {
    name: "Kinds of order",
    unit: "NONE",
    refuses: "does not let orders of this kind, side, venue or hour through",
  },
  SHORT_SALE: {
    name: "Short sales",
    unit: "NONE",
    refuses: "lets nobody sell what is not held, unless it is marked as located",
  },
  STALE_DATA: {
    name: "Age of the price",
    unit: "SECONDS",
    refuses: "wants a fresher market price before it lets an order through",
  },
  MESSAGE_RATE: {
    name: "Messages",
    unit: "COUNT",
    refuses: "has seen as many orders and changes as it allows for now",
  },
  DUPLICATE_ORDER: {
    name: "The same order twice",
    unit: "NONE",
    refuses: "has just seen the same order: same side, price and quantity",
  },
  REPEAT_EXECUTION: {
    name: "Repeated fills",
    unit: "COUNT",
    refuses: "stopped, because automated orders filled too often",
  },
  REJECT_STREAK: {
    name: "Refusals in a row",
    unit: "COUNT",
    refuses: "stopped, because too many orders in a row were refused",
  },
  ORDER_TO_TRADE: {
    name: "Messages for each fill",
    unit: "COUNT",
    refuses: "has seen too many messages for each fill",
  },
  WINDOW_VOLUME: {
    name: "Worth traded lately",
    unit: "MONEY",
    refuses: "lets no more be traded in this span of time",
  },
  OPEN_ORDER_COUNT: { name: "Open orders", unit: "COUNT", refuses: "has as many open orders as it allows" },
  DAILY_ORDER_COUNT: {
    name: "Orders today",
    unit: "COUNT",
    refuses: "has seen as many orders today as it allows",
  },
  LONG_POSITION: { name: "Long position", unit: "BASE", refuses: "lets nobody hold so much" },
  SHORT_POSITION: { name: "Short position", unit: "BASE", refuses: "lets nobody be short so much" },
  NET_NOTIONAL: {
    name: "Net worth of positions",
    unit: "MONEY",
    refuses: "lets positions, longs against shorts, be worth no more",
  },
  GROSS_NOTIONAL: {
    name: "Worth of all positions",
    unit: "MONEY",
    refuses: "lets all positions together be worth no more",
  },
  OPEN_ORDER_NOTIONAL: {
    name: "Worth of open orders",
    unit: "MONEY",
    refuses: "lets open orders together be worth no more",
  },
  CREDIT: { name: "Cash and credit", unit: "MONEY", refuses: "has not enough cash for this" },
  DAILY_TRADED_NOTIONAL: {
    name: "Worth traded today",
    unit: "MONEY",
    refuses: "lets no more be traded today",
  },
  MARGIN: { name: "Margin", unit: "SHARE", refuses: "has not enough equity for the margin" },
  LEVERAGE: { name: "Leverage", unit: "TIMES", refuses: "lets positions be no larger against the equity" },
  CONCENTRATION: {
    name: "Concentration",
    unit: "SHARE",
    refuses: "lets no more of the equity stand in one place",
  },
  INCREMENTAL_VAR: { name: "Value at risk", unit: "MONEY", refuses: "lets no more be at risk in a day" },
  DAILY_LOSS: {
    name: "Loss today",
    unit: "MONEY",
    refuses: "has lost today what it may lose: only what reduces a position passes",
  },
  DRAWDOWN: {
    name: "Loss since the best",
    unit: "MONEY",
    refuses: "has lost from its best what it may lose: only what reduces a position passes",
  },
  LOSS_STREAK: {
    name: "Losses in a row",
    unit: "COUNT",
    refuses: "cools down after losses in a row: only what reduces a position passes",
  },
  SELF_TRADE: {
    name: "Trading with oneself",
    unit: "NONE",
    refuses: "lets no order meet another one of the firm",
  },
  KILL_SWITCH: {
    name: "Trading stopped",
    unit: "NONE",
    refuses: "is stopped, or takes only what reduces a position, until it is armed again",
  },
  DEAD_MAN: { name: "Sign of life", unit: "SECONDS", refuses: "has not heard a sign of life in time" },
  REDUCE_ONLY: {
    name: "Reduces only",
    unit: "NONE",
    refuses: "would grow the position, and the order was to reduce it only",
  },
};

export function nameOf(limitType: string): string {
  return WORDS[limitType]?.name ?? limitType.replaceAll("_", " ").toLowerCase();
}

/** "Trader 1 lets no single order be so large: 50 ETH at most, and this order has 51 ETH." */
export function sentenceOf(finding: Finding, assets: Assets): string {
  const words = WORDS[finding.limit_type];
  const why = words?.refuses ?? `refuses it by ${finding.limit_type}`;
  if (finding.missing !== null) return `${finding.node_name} cannot judge it without ${finding.missing}.`;
  const figures = figuresOf(finding, assets);
  return `${finding.node_name} ${why}${figures === null ? "" : `: ${figures}`}.`;
}

/** "12 of 50 ETH in use, 3 ETH more with this"; null where the limit measures nothing. */
export function usageOf(finding: Finding, assets: Assets): string | null {
  const unit = WORDS[finding.limit_type]?.unit ?? "NONE";
  if (unit === "NONE" || finding.missing !== null || !isMeasured(finding)) return null;
  const after = new Big(finding.used).plus(finding.reserved).plus(finding.attempted).toFixed();
  return `${shownIn(unit, after, assets)} of ${shownIn(unit, finding.limit, assets)}`;
}

function figuresOf(finding: Finding, assets: Assets): string | null {
  const unit = WORDS[finding.limit_type]?.unit ?? "NONE";
  if (unit === "NONE" || new Big(finding.limit).eq(0)) return null;
  const most = `${shownIn(unit, finding.limit, assets)} at most`;
  if (!isMeasured(finding)) return most;
  const inUse = new Big(finding.used).plus(finding.reserved);
  const attempted = shownIn(unit, finding.attempted, assets);
  if (inUse.eq(0)) return `${most}, and this order has ${attempted}`;
  return `${most}, ${shownIn(unit, inUse.toFixed(), assets)} in use, and this order adds ${attempted}`;
}

function isMeasured({ used, reserved, attempted }: Finding): boolean {
  return [used, reserved, attempted].some((amount) => !new Big(amount).eq(0));
}

const SHARE_DIGITS = 4;
const MONEY_DIGITS = 2;

function shownIn(unit: Unit, amount: string, { base, quote }: Assets): string {
  switch (unit) {
    case "BASE":
      return `${shownAmount(amount)} ${base}`;
    case "MONEY":
      return `${shownAmount(rounded(amount, MONEY_DIGITS))} ${quote}`;
    case "SHARE":
      return `${shownAmount(rounded(new Big(amount).times(100).toFixed(), SHARE_DIGITS))} %`;
    case "TIMES":
      return `${shownAmount(rounded(amount, SHARE_DIGITS))} times`;
    case "SECONDS":
      return `${shownAmount(amount)} s`;
    default:
      return shownAmount(amount);
  }
}

/** Digits that nobody reads in a sentence are left out; the table beside it has them all. */
function rounded(amount: string, digits: number): string {
  return new Big(amount).round(digits, Big.roundHalfEven).toFixed();
}

/**
 * The largest quantity that all of these let through, as far as they look at it; null where no quantity would do, or
 * where one of them refuses whatever the quantity is.
 */
export function largestPassing(refusals: readonly Finding[]): string | null {
  let least: Big | null = null;
  for (const { largest_passing_quantity: largest } of refusals) {
    if (largest === null) return null;
    const quantity = new Big(largest);
    if (least === null || quantity.lt(least)) least = quantity;
  }
  return least === null || least.lte(0) ? null : least.toFixed();
}
