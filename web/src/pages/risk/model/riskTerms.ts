import type { components } from "../../../api/schema";
import type { RiskTerms } from "./types";

export type RiskTermsSetting = components["schemas"]["RiskTermsSetting"];

/** A row for every instrument, also for those of which the firm has said nothing. */
export function termsBySymbol(symbols: readonly string[], told: readonly RiskTerms[]): readonly RiskTerms[] {
  const known = new Map(told.map((terms) => [terms.symbol, terms]));
  return [...new Set([...symbols, ...known.keys()])].sort().map(
    (symbol) =>
      known.get(symbol) ?? {
        symbol,
        average_daily_qty: null,
        initial_margin: null,
        sector: null,
        daily_volatility: null,
        as_of: null,
      },
  );
}

export const TERM_FIELDS = [
  "average_daily_qty",
  "initial_margin",
  "daily_volatility",
  "sector",
  "as_of",
] as const;
export type TermField = (typeof TERM_FIELDS)[number];
export type TermsDraft = Readonly<Record<TermField, string>>;

export function termsDraftOf(terms: RiskTerms): TermsDraft {
  return {
    average_daily_qty: terms.average_daily_qty ?? "",
    initial_margin: terms.initial_margin ?? "",
    daily_volatility: terms.daily_volatility ?? "",
    sector: terms.sector ?? "",
    as_of: terms.as_of ?? "",
  };
}

/** What is left empty is not known from then on: the request replaces all that was said. */
export function termsSettingOf(symbol: string, draft: TermsDraft): RiskTermsSetting {
  const told = (field: TermField): string | null => draft[field].trim() || null;
  return {
    symbol,
    average_daily_qty: told("average_daily_qty"),
    initial_margin: told("initial_margin"),
    daily_volatility: told("daily_volatility"),
    sector: told("sector"),
    as_of: told("as_of"),
  };
}
