/** Limits in the words of people, as the command line has them. */
import Big from "big.js";
import { shownAmount } from "../../../ui/amounts";
import { roundedForEye } from "./exact";
import type { Limit, LimitType } from "./types";

const FRACTION = "fraction of ";
const DAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

export const ACTION_WORDS: Readonly<Record<string, string>> = {
  WARN: "only warns",
  REJECT: "refuses the order",
  REDUCE_ONLY: "refuses, then the node only reduces",
  SUSPEND: "refuses, then the node takes no new orders",
  KILL: "refuses, then the node is killed: open orders are cancelled",
};

type Named = Pick<Limit, "limit_type" | "instrument">;
type Valued = Pick<Limit, "instrument" | "currency" | "parameters">;

/** "LONG_POSITION" as "Long position". */
export function typeWords(limitType: string): string {
  if (limitType === "ADV_PCT") return "Share of daily volume";
  const words = limitType
    .toLowerCase()
    .replaceAll("_", " ")
    .replace(/\bvar$/, "value at risk");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function limitName(limit: Named): string {
  const name = typeWords(limit.limit_type);
  return limit.instrument === "*" ? name : `${name} ${instrumentWords(limit.instrument)}`;
}

export function instrumentWords(instrument: string): string {
  if (instrument === "*") return "all instruments";
  const [kind, name] = instrument.split(":");
  if (name === undefined) return instrument;
  return kind === "venue" ? `at ${name}` : `class ${name}`;
}

/** Whether a limit of the type has a value; the others have parameters, or nothing. */
export function hasValue(type: Pick<LimitType, "unit">): boolean {
  return type.unit !== "parameters" && type.unit !== "none";
}

export function isFraction(unit: string): boolean {
  return unit.startsWith(FRACTION);
}

/** What a value is in: "USDT", "messages in 10 s", "times the equity". */
export function unitWords(limit: Valued, unit: string): string {
  if (isFraction(unit)) return `of ${unit.slice(FRACTION.length)}`;
  const window = limit.parameters.window_s;
  const inWindow = window === undefined ? "" : ` in ${String(window)} s`;
  switch (unit) {
    case "currency":
      return `${limit.currency}${inWindow}`;
    case "base units":
    case "base units, in each symbol":
      return limit.instrument.includes("/") ? (limit.instrument.split("/")[0] ?? "") : "base units";
    case "seconds":
      return "s";
    case "messages in the window":
      return `messages${inWindow}`;
    case "fills in the window":
      return `fills${inWindow}`;
    case "messages for each fill":
      return "messages a fill";
    case "base currency":
      return "USDT";
    case "parameters":
    case "none":
      return "";
    default:
      return unit;
  }
}

/** A fraction is told in percent, exactly. */
export function valueWords(value: string, unit: string): string {
  if (!isFraction(unit)) return shownAmount(value);
  return `${shownAmount(new Big(value).times(100).toFixed())} %`;
}

/** What was set: the value with its unit, or the parameters. */
export function settingWords(limit: Valued & { readonly value: string | null }, unit: string): string {
  if (limit.value === null) return parameterWords(limit.parameters);
  const told = `${valueWords(limit.value, unit)} ${unitWords(limit, unit)}`.trim();
  const rest = parameterWords(limit.parameters, ["window_s"]);
  return rest === "" ? told : `${told}, ${rest}`;
}

/** What its use is measured against now: the value, or what a part of the equity comes to. */
export function allowedWords(limit: Limit, unit: string): string {
  if (limit.value === null) return parameterWords(limit.parameters);
  if (limit.allowed !== null && !new Big(limit.allowed).eq(limit.value)) {
    return `${shownAmount(roundedForEye(limit.allowed))} ${limit.currency} (${valueWords(limit.value, unit)} ${unitWords(limit, unit)})`;
  }
  return `${valueWords(limit.value, unit)} ${unitWords(limit, unit)}`.trim();
}

/** "mode DENY, symbols LUNA/USDT" */
export function parameterWords(
  parameters: Readonly<Record<string, unknown>>,
  without: readonly string[] = [],
): string {
  return Object.entries(parameters)
    .filter(([name]) => !without.includes(name))
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${plainWords(value)}`)
    .join(", ");
}

function plainWords(value: unknown): string {
  if (Array.isArray(value)) return value.join(" ");
  const hours = hoursOf(value);
  if (hours !== null) return `${dayWords(hours.days)} ${hours.from}\u2013${hours.until}`;
  return String(value);
}

export interface Hours {
  readonly days: readonly string[];
  readonly from: string;
  readonly until: string;
}

/** Null for what are no hours. */
export function hoursOf(value: unknown): Hours | null {
  if (typeof value !== "object" || value === null) return null;
  const { days, from, until } = value as Record<string, unknown>;
  if (!Array.isArray(days) || typeof from !== "string" || typeof until !== "string") return null;
  return { days: days.map(String), from, until };
}

function dayWords(days: readonly string[]): string {
  const begin = DAYS.indexOf(days[0] ?? "");
  const isRun = days.every((day, step) => DAYS[(begin + step) % DAYS.length] === day);
  return isRun && days.length > 2 ? `${days[0]}\u2013${days.at(-1)}` : days.join(", ");
}
