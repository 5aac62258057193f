/** The kinds of order that the ticket offers, and what each asks for. */
import type { TicketTerms, TimeInForce } from "./terms";

/** The fields of the ticket, by the names that the API has for them. */
export type FieldName = Exclude<keyof TicketTerms, "kind">;

export type Kind =
  | "LIMIT"
  | "MARKET"
  | "STOP"
  | "STOP_LIMIT"
  | "TAKE_PROFIT"
  | "TAKE_PROFIT_LIMIT"
  | "TRAILING_STOP"
  | "OCO"
  | "BRACKET"
  | "ICEBERG"
  | "TWAP"
  | "VWAP"
  | "POV"
  | "BEST"
  | "IMPROVE"
  | "SEEK"
  | "LEAST_COST";

export interface KindRules {
  readonly label: string;
  readonly about: string;
  readonly price: "REQUIRED" | "OPTIONAL" | "NONE";
  readonly priceLabel: string;
  /** What it asks for beside side, quantity and price, in the order in which it is asked. */
  readonly fields: readonly FieldName[];
  /** Empty where there is nothing to choose. The first one is what it begins with. */
  readonly timesInForce: readonly TimeInForce[];
  readonly mayBePostOnly: boolean;
  /** How the router works it; null for an order that goes to one venue as it is. */
  readonly algorithm: Algorithm | null;
}

type Algorithm =
  | "STOP"
  | "TAKE_PROFIT"
  | "TRAILING_STOP"
  | "OCO"
  | "ICEBERG"
  | "TWAP"
  | "VWAP"
  | "POV"
  | "BEST"
  | "IMPROVE"
  | "SEEK"
  | "LEAST_COST";

const WORST_PRICE = "Worst price (none: market)";
const PLAIN = { fields: [], timesInForce: [], mayBePostOnly: false, algorithm: null } as const;

export const KINDS: Readonly<Record<Kind, KindRules>> = {
  LIMIT: {
    ...PLAIN,
    label: "Limit",
    about: "Trades at your price or better, and waits until it does.",
    price: "REQUIRED",
    priceLabel: "Price",
    timesInForce: ["GTC", "DAY", "GTD", "IOC", "FOK"],
    mayBePostOnly: true,
  },
  MARKET: {
    ...PLAIN,
    label: "Market",
    about: "Trades now at the best prices there are. With a worst price it takes nothing beyond that.",
    price: "OPTIONAL",
    priceLabel: "Worst price (none: any within the collar)",
    timesInForce: ["IOC", "FOK"],
  },
  STOP: {
    ...PLAIN,
    label: "Stop",
    about: "Waits until the market moves against you as far as the stop, then trades at market.",
    price: "NONE",
    priceLabel: "",
    fields: ["stop_px", "trigger_by", "after"],
    algorithm: "STOP",
  },
  STOP_LIMIT: {
    ...PLAIN,
    label: "Stop-limit",
    about: "As a stop, but trades at your price or better once it is reached.",
    price: "REQUIRED",
    priceLabel: "Limit price",
    fields: ["stop_px", "trigger_by", "after"],
    algorithm: "STOP",
  },
  TAKE_PROFIT: {
    ...PLAIN,
    label: "Take profit",
    about: "Waits until the market moves your way as far as the trigger, then trades at market.",
    price: "NONE",
    priceLabel: "",
    fields: ["stop_px", "trigger_by", "after"],
    algorithm: "TAKE_PROFIT",
  },
  TAKE_PROFIT_LIMIT: {
    ...PLAIN,
    label: "Take profit, limit",
    about: "As take profit, but trades at your price or better once it is reached.",
    price: "REQUIRED",
    priceLabel: "Limit price",
    fields: ["stop_px", "trigger_by", "after"],
    algorithm: "TAKE_PROFIT",
  },
  TRAILING_STOP: {
    ...PLAIN,
    label: "Trailing stop",
    about: "A stop that follows the best price at a distance, and never goes back.",
    price: "OPTIONAL",
    priceLabel: WORST_PRICE,
    fields: ["offset", "percent", "entry_px", "target_px", "trigger_by", "after"],
    algorithm: "TRAILING_STOP",
  },
  OCO: {
    ...PLAIN,
    label: "One cancels the other",
    about: "Rests at your price to take profit, and stops at the stop price: whichever comes first.",
    price: "REQUIRED",
    priceLabel: "Price that takes profit",
    fields: ["stop_px", "stop_limit_px", "trigger_by", "after"],
    algorithm: "OCO",
  },
  BRACKET: {
    ...PLAIN,
    label: "Bracket: entry with its exit",
    about:
      "Enters at your price, then takes profit at the target or stops, whichever comes first. Two orders.",
    price: "OPTIONAL",
    priceLabel: "Entry price (none: market)",
    fields: ["target_px", "stop_px", "stop_limit_px"],
  },
  ICEBERG: {
    ...PLAIN,
    label: "Iceberg",
    about: "Rests at your price and shows a part of it at a time.",
    price: "REQUIRED",
    priceLabel: "Price",
    fields: ["display_qty"],
    mayBePostOnly: true,
    algorithm: "ICEBERG",
  },
  TWAP: {
    ...PLAIN,
    label: "TWAP: evenly over time",
    about: "Equal parts at equal times.",
    price: "OPTIONAL",
    priceLabel: WORST_PRICE,
    fields: ["duration_s", "slices", "start_at"],
    algorithm: "TWAP",
  },
  VWAP: {
    ...PLAIN,
    label: "VWAP: along the usual volume",
    about: "Spread over time as the market's volume was at these times in the 24 hours before.",
    price: "OPTIONAL",
    priceLabel: WORST_PRICE,
    fields: ["duration_s", "start_at"],
    algorithm: "VWAP",
  },
  POV: {
    ...PLAIN,
    label: "POV: a share of the volume",
    about: "A share of what trades in the market while it works.",
    price: "OPTIONAL",
    priceLabel: WORST_PRICE,
    fields: ["percent", "duration_s"],
    algorithm: "POV",
  },
  BEST: {
    ...PLAIN,
    label: "Best price over venues",
    about: "Takes each part where it costs least with its fees.",
    price: "OPTIONAL",
    priceLabel: WORST_PRICE,
    mayBePostOnly: true,
    algorithm: "BEST",
  },
  IMPROVE: {
    ...PLAIN,
    label: "Improve: rest first, then take",
    about: "Rests at the best price of your side for a while, then takes what is left where it costs least.",
    price: "OPTIONAL",
    priceLabel: WORST_PRICE,
    fields: ["patience_s"],
    mayBePostOnly: true,
    algorithm: "IMPROVE",
  },
  SEEK: {
    ...PLAIN,
    label: "Seek: take everywhere at once",
    about: "Takes all within your price at every venue at once, then rests with what is left.",
    price: "OPTIONAL",
    priceLabel: WORST_PRICE,
    algorithm: "SEEK",
  },
  LEAST_COST: {
    ...PLAIN,
    label: "Least cost",
    about: "Rests while that is cheaper than to take, then takes what is left.",
    price: "OPTIONAL",
    priceLabel: WORST_PRICE,
    fields: ["patience_s"],
    mayBePostOnly: true,
    algorithm: "LEAST_COST",
  },
};

/** As the choice shows them: the simple ones first. */
export const KIND_GROUPS: readonly { readonly group: string; readonly kinds: readonly Kind[] }[] = [
  { group: "Simple", kinds: ["LIMIT", "MARKET"] },
  {
    group: "At a price that is reached",
    kinds: ["STOP", "STOP_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "TRAILING_STOP"],
  },
  { group: "Two in one", kinds: ["OCO", "BRACKET"] },
  { group: "Worked over time", kinds: ["ICEBERG", "TWAP", "VWAP", "POV"] },
  { group: "Worked over venues", kinds: ["BEST", "IMPROVE", "SEEK", "LEAST_COST"] },
];
