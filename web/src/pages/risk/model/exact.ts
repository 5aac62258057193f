/** Sums and shares of decimal strings, exact: a float would change them. */
import Big from "big.js";

/** Null where an addend is not known: a sum without it would say something else. */
export function sumOf(amounts: Iterable<string | null>): string | null {
  let sum = new Big(0);
  for (const amount of amounts) {
    if (amount === null) return null;
    sum = sum.plus(amount);
  }
  return sum.toFixed();
}

export function plus(one: string, other: string): string {
  return new Big(one).plus(other).toFixed();
}

export function times(one: string, other: string): string {
  return new Big(one).times(other).toFixed();
}

export function magnitude(amount: string): string {
  return new Big(amount).abs().toFixed();
}

export function larger(one: string, other: string): string {
  return new Big(one).gte(other) ? one : other;
}

export function smaller(one: string, other: string): string {
  return new Big(one).lte(other) ? one : other;
}

/** For sorting, the greatest first; what is not known comes last. */
export function byGreatest(one: string | null, other: string | null): number {
  if (one === null || other === null) return (one === null ? 1 : 0) - (other === null ? 1 : 0);
  return new Big(other).cmp(one);
}

/** For the eye: two decimals from a hundred on, four from one on, eight below, without zeros that rounding left. */
export function roundedForEye(amount: string): string {
  const exact = new Big(amount);
  const places = exact.abs().gte(100) ? 2 : exact.abs().gte(1) ? 4 : 8;
  const shown = exact.round(places, Big.roundHalfEven);
  return shown.eq(exact) ? amount : shown.toFixed();
}

/** For pixels alone. */
export function forDrawing(amount: string | null): number {
  return amount === null ? 0 : new Big(amount).toNumber();
}
