/** How the ticket asks for what a kind of order needs beyond side, quantity and price. */
import type { FieldName, Kind } from "./kinds";
import type { TicketTerms } from "./terms";

export interface FieldWords {
  readonly label: string;
  readonly hint?: string;
  readonly unit?: "BASE" | "QUOTE" | "%";
  /** What the input is; text where nothing is said. */
  readonly input?: "MOMENT" | "TRIGGER";
}

export const FIELD_WORDS: Partial<Record<FieldName, FieldWords>> = {
  stop_px: { label: "Stop price", unit: "QUOTE" },
  stop_limit_px: {
    label: "Worst price of the stop",
    hint: "None: any that was reserved for.",
    unit: "QUOTE",
  },
  offset: { label: "Distance in price", unit: "QUOTE" },
  percent: { label: "Percent", unit: "%" },
  entry_px: { label: "Your entry", hint: "With a target: profit is locked in on the way.", unit: "QUOTE" },
  target_px: { label: "Target", unit: "QUOTE" },
  display_qty: { label: "Shown at a time", unit: "BASE" },
  duration_s: { label: "Over", hint: "As 90s, 10m, 2h, 1d." },
  patience_s: { label: "Rests for", hint: "As 5s, 1m." },
  slices: { label: "Parts", hint: "None: one in 30 seconds." },
  expire_time: { label: "Ends at", input: "MOMENT" },
  start_at: { label: "From", hint: "None: at once.", input: "MOMENT" },
  trigger_by: { label: "Reached by", input: "TRIGGER" },
  after: { label: "Exits from order", hint: "Its id: works no more than that has filled." },
};

const OF_FEW: ReadonlySet<FieldName> = new Set(["trigger_by", "after", "entry_px", "slices", "start_at"]);

/** Whether it stands under "More", where only those look who need it. */
export function isMore(kind: Kind, field: FieldName): boolean {
  return OF_FEW.has(field) || (kind === "TRAILING_STOP" && field === "target_px");
}

const WORDS_OF_KIND: Partial<Record<Kind, Partial<Record<FieldName, string>>>> = {
  TAKE_PROFIT: { stop_px: "Trigger price" },
  TAKE_PROFIT_LIMIT: { stop_px: "Trigger price" },
  TRAILING_STOP: { percent: "Or in percent" },
  POV: { percent: "Share of the volume" },
};

export function labelOf(kind: Kind, field: FieldName): string {
  return WORDS_OF_KIND[kind]?.[field] ?? FIELD_WORDS[field]?.label ?? field;
}

/** "Buy 1 ETH/USDT at market": what the button does. */
export function actionWords(terms: TicketTerms): string {
  const verb = terms.side === "BUY" ? "Buy" : "Sell";
  return terms.quantity.trim() === ""
    ? `${verb} ${terms.symbol}`
    : `${verb} ${terms.quantity.trim()} ${terms.symbol}`;
}
