/** What can be known to be wrong with a ticket before the platform is asked: exactly, by the instrument's steps. */
import Big from "big.js";
import type { components } from "../../../api/schema";
import { shownAmount } from "../../../ui/amounts";
import { type FieldName, KINDS, type Kind } from "./kinds";
import { asksForEnd, momentOf, secondsOf, type TicketTerms, venuesOf } from "./terms";

export type Instrument = Pick<
  components["schemas"]["InstrumentView"],
  "symbol" | "base_asset" | "quote_asset" | "tick_size" | "lot_size" | "notional_min"
>;

export type TicketProblems = Partial<Record<FieldName, string>>;

const AMOUNT = /^\d{1,18}(\.\d{1,18})?$/;
const VENUE = /^[A-Z0-9_]{1,16}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const VENUES_MAX = 16;
const DURATION_S_MAX = 7 * 86_400;
const DURATION_S_MIN: Partial<Record<Kind, number>> = { TWAP: 10, VWAP: 60, POV: 10 };
const PATIENCE_S_MAX = 3_600;
const SLICES = { min: 2, max: 1_000 } as const;
const OPTIONAL = new Set<FieldName>([
  "stop_limit_px",
  "offset",
  "percent",
  "entry_px",
  "slices",
  "start_at",
  "after",
]);

/** The amount, or null where it is none or not above zero. */
export function amountOf(text: string): Big | null {
  const trimmed = text.trim();
  if (!AMOUNT.test(trimmed)) return null;
  const amount = new Big(trimmed);
  return amount.gt(0) ? amount : null;
}

/** What is wrong with an amount that is a price, or null. */
export function priceProblem(text: string, instrument: Instrument): string | null {
  return stepProblem(text, instrument.tick_size, `Prices go in steps of ${instrument.tick_size}.`);
}

export function quantityProblem(text: string, instrument: Instrument): string | null {
  const step = `Quantities go in steps of ${instrument.lot_size} ${instrument.base_asset}.`;
  return stepProblem(text, instrument.lot_size, step);
}

function stepProblem(text: string, step: string, said: string): string | null {
  const amount = amountOf(text);
  if (amount === null) return text.trim() === "" ? "Needed." : "An amount above zero, as 0.5.";
  return amount.mod(step).eq(0) ? null : said;
}

/** By field; nothing where the ticket may be sent. Fields that the kind does not have are not looked at. */
export function problemsOf(terms: TicketTerms, instrument: Instrument): TicketProblems {
  const rules = KINDS[terms.kind];
  const problems: TicketProblems = {};
  const note = (field: FieldName, problem: string | null) => {
    if (problem !== null) problems[field] ??= problem;
  };
  if (terms.account_id === "") note("account_id", "Needed.");
  note("quantity", quantityProblem(terms.quantity, instrument));
  if (rules.price === "REQUIRED" || (rules.price === "OPTIONAL" && terms.price.trim() !== "")) {
    note("price", priceProblem(terms.price, instrument));
    note("quantity", notionalProblem(terms, instrument));
  }
  for (const field of rules.fields) {
    const text = terms[field];
    const isOptional =
      OPTIONAL.has(field) ||
      (terms.kind === "TRAILING_STOP" && (field === "target_px" || field === "entry_px"));
    const isNeeded = !isOptional || (terms.kind === "POV" && field === "percent");
    if (typeof text !== "string" || (text.trim() === "" && !isNeeded)) continue;
    note(field, fieldProblem(field, text, terms, instrument));
  }
  if (asksForEnd(terms))
    note("expire_time", fieldProblem("expire_time", terms.expire_time, terms, instrument));
  for (const [field, problem] of Object.entries(together(terms))) note(field as FieldName, problem);
  note(rules.algorithm === null ? "venue" : "venues", venueProblem(terms));
  return problems;
}

function notionalProblem({ quantity, price }: TicketTerms, instrument: Instrument): string | null {
  const notional = amountOf(quantity)?.times(amountOf(price) ?? 0);
  if (notional === undefined || notional.eq(0) || notional.gte(instrument.notional_min)) return null;
  return `An order is worth ${shownAmount(instrument.notional_min)} ${instrument.quote_asset} at least.`;
}

function fieldProblem(
  field: FieldName,
  text: string,
  terms: TicketTerms,
  instrument: Instrument,
): string | null {
  switch (field) {
    case "stop_px":
    case "stop_limit_px":
    case "offset":
    case "entry_px":
    case "target_px":
      return priceProblem(text, instrument);
    case "display_qty":
      return quantityProblem(text, instrument) ?? displayProblem(terms);
    case "percent":
      return (amountOf(text)?.lt(100) ?? false) ? null : "Between 0 and 100.";
    case "duration_s":
      return secondsProblem(text, DURATION_S_MIN[terms.kind] ?? 1, DURATION_S_MAX);
    case "patience_s":
      return secondsProblem(text, 1, PATIENCE_S_MAX);
    case "slices":
      return isWhole(text, SLICES)
        ? null
        : `A number from ${SLICES.min} to ${shownAmount(String(SLICES.max))}.`;
    case "start_at":
    case "expire_time":
      return momentOf(text) === null ? "A date and a time." : null;
    case "after":
      return UUID.test(text.trim()) ? null : "The id of an order.";
    default:
      return null;
  }
}

function isWhole(text: string, { min, max }: { min: number; max: number }): boolean {
  return /^\d{1,6}$/.test(text.trim()) && Number(text) >= min && Number(text) <= max;
}

function displayProblem({ display_qty, quantity }: TicketTerms): string | null {
  const whole = amountOf(quantity);
  return whole !== null && amountOf(display_qty)?.gt(whole) ? "No more than the quantity." : null;
}

function secondsProblem(text: string, min: number, max: number): string | null {
  const seconds = secondsOf(text);
  if (seconds === null) return "As 90s, 10m, 2h or 1d.";
  if (seconds < min) return `${min} seconds at least.`;
  return seconds > max ? `${shownAmount(String(max))} seconds at most.` : null;
}

/** What two fields that are each right say against each other. */
function together(terms: TicketTerms): TicketProblems {
  const isSell = terms.side === "SELL";
  const [above, below] = isSell ? ["above", "below"] : ["below", "above"];
  switch (terms.kind) {
    case "TRAILING_STOP": {
      const given = [terms.offset, terms.percent].filter((text) => text.trim() !== "").length;
      if (given !== 1) return { offset: "A distance either in price or in percent." };
      if ((terms.entry_px.trim() === "") !== (terms.target_px.trim() === "")) {
        return { target_px: "Entry and target go together." };
      }
      return gains(isSell, terms.entry_px, terms.target_px)
        ? {}
        : { target_px: `Has to lie ${above} the entry.` };
    }
    case "OCO":
      if (!gains(isSell, terms.stop_px, terms.price)) return { stop_px: `Has to lie ${below} the price.` };
      return gains(isSell, terms.stop_limit_px, terms.price)
        ? {}
        : { stop_limit_px: `Has to lie ${below} the price.` };
    case "BRACKET": {
      // Its exit is of the other side, which is where it gains.
      if (!gains(!isSell, terms.price, terms.target_px))
        return { target_px: `Has to lie ${below} the entry.` };
      if (!gains(!isSell, terms.stop_px, terms.price)) return { stop_px: `Has to lie ${above} the entry.` };
      if (!gains(!isSell, terms.stop_px, terms.target_px))
        return { stop_px: `Has to lie ${above} the target.` };
      return gains(!isSell, terms.stop_limit_px, terms.target_px)
        ? {}
        : { stop_limit_px: `Has to lie ${above} the target.` };
    }
    default:
      return {};
  }
}

/** Whether a sell (or else a buy) is better off at `after` than at `before`; also true while one of them is no amount. */
function gains(isSell: boolean, before: string, after: string): boolean {
  const from = amountOf(before);
  const to = amountOf(after);
  if (from === null || to === null) return true;
  return isSell ? to.gt(from) : to.lt(from);
}

function venueProblem(terms: TicketTerms): string | null {
  if (KINDS[terms.kind].algorithm === null) {
    const venue = terms.venue.trim().toUpperCase();
    return VENUE.test(venue) ? null : "The name of a venue, as SIM.";
  }
  const venues = venuesOf(terms.venues);
  if (venues.some((venue) => !VENUE.test(venue) || venue === "SOR"))
    return "Names of venues, as SIM, BINANCE.";
  if (new Set(venues).size < venues.length) return "A venue is named twice.";
  return venues.length > VENUES_MAX ? `${VENUES_MAX} venues at most.` : null;
}
