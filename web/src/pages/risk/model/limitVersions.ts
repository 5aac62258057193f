/** The versions of a limit in words. */
import { settingWords } from "./limitWords";
import type { LimitVersion } from "./types";

export function versionWords(version: LimitVersion, unit: string): string {
  return version.is_deleted ? "taken away" : settingWords(version, unit);
}

/**
 * Another version than the one that was meant, or another limit with the same dates: a problem has it as an object of
 * any shape, because other problems of this code are of other things.
 */
export function otherVersionWords(told: Readonly<Record<string, unknown>>, unit: string): string {
  const { value, parameters, instrument, currency } = told;
  const terms = {
    value: textOf(value),
    instrument: textOf(instrument) ?? "*",
    currency: textOf(currency) ?? "",
    parameters: typeof parameters === "object" && parameters !== null ? { ...parameters } : {},
  };
  const action = (textOf(told.action) ?? "").toLowerCase().replaceAll("_", " ");
  return `${settingWords(terms, unit)} (${action}, version ${String(told.version ?? "")})`;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
