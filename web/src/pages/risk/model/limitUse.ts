/** How near a limit is to its value, by its own thresholds. */
import Big from "big.js";
import { larger, plus, smaller } from "./exact";
import type { Limit } from "./types";

/** WARNED from the first threshold on, HIGH from the last of several on, FULL from 100 %. */
export type UseLevel = "CALM" | "WARNED" | "HIGH" | "FULL" | "UNKNOWN";

const FULL_PCT = 100;
const ORDER: readonly UseLevel[] = ["CALM", "UNKNOWN", "WARNED", "HIGH", "FULL"];

export const LEVEL_WORDS: Readonly<Record<UseLevel, string>> = {
  CALM: "below its thresholds",
  WARNED: "warned",
  HIGH: "nearly full",
  FULL: "full",
  UNKNOWN: "not known",
};

export const LEVEL_COLOURS: Readonly<Record<UseLevel, string>> = {
  CALM: "teal",
  WARNED: "yellow",
  HIGH: "orange",
  FULL: "red",
  UNKNOWN: "grape",
};

type Measured = Pick<Limit, "usage_pct" | "thresholds_pct" | "missing">;

/** Null for a limit that judges each order by itself: it has no use. */
export function levelOf(limit: Measured): UseLevel | null {
  if (limit.missing !== null) return "UNKNOWN";
  if (limit.usage_pct === null) return null;
  const pct = new Big(limit.usage_pct);
  if (pct.gte(FULL_PCT)) return "FULL";
  const passed = limit.thresholds_pct.filter((threshold) => pct.gte(threshold)).length;
  if (passed === 0) return "CALM";
  return passed > 1 && passed === limit.thresholds_pct.length ? "HIGH" : "WARNED";
}

/** The limit that is nearest to its value; null where none is measured. */
export function hottestOf(limits: readonly Limit[]): Limit | null {
  let hottest: Limit | null = null;
  for (const limit of limits) {
    if (limit.usage_pct === null) continue;
    if (hottest === null || new Big(limit.usage_pct).gt(hottest.usage_pct ?? 0)) hottest = limit;
  }
  return hottest;
}

export function worseLevel(one: UseLevel, other: UseLevel): UseLevel {
  return ORDER.indexOf(one) >= ORDER.indexOf(other) ? one : other;
}

/** Parts of a bar in percent of its width: together at most 100. Leased is the part of what is reserved that leases hold. */
export interface BarParts {
  readonly used: number;
  readonly reserved: number;
  readonly leased: number;
}

/** For drawing alone. `leased`: how much of what is reserved leases hold, null where that is not told. */
export function barOf(limit: Pick<Limit, "allowed" | "used" | "reserved">, leased: string | null): BarParts {
  const allowed = new Big(limit.allowed ?? 0);
  const share = (amount: string): number =>
    allowed.lte(0)
      ? FULL_PCT
      : Math.max(0, Math.min(FULL_PCT, new Big(amount).times(100).div(allowed).toNumber()));
  const reserved = limit.reserved ?? "0";
  const ofLeases = leased === null ? "0" : smaller(leased, larger(reserved, "0"));
  const ofOrders = new Big(reserved).minus(ofLeases).toFixed();
  const used = share(limit.used ?? "0");
  // Ends are measured, not lengths: a short position's negative use makes room for what is reserved.
  const withOrders = Math.max(used, share(plus(limit.used ?? "0", ofOrders)));
  const whole = Math.max(withOrders, share(plus(limit.used ?? "0", reserved)));
  return { used, reserved: withOrders - used, leased: whole - withOrders };
}
