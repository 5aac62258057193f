/** Decimals as whole numbers of their smallest step: they are compared and added exactly. */

const DECIMAL = /^(-?)(\d+)(?:\.(\d*))?$/;

/** How many digits stand behind the point: "0.01" has 2. */
export function decimalsOf(step: string): number {
  const point = step.indexOf(".");
  return point < 0 ? 0 : step.length - point - 1;
}

/** "12.5" with 2 decimals as 1250n. What has more decimals, or is no decimal, throws: it would not be exact. */
export function toScaled(amount: string, decimals: number): bigint {
  const found = DECIMAL.exec(amount);
  const fraction = (found?.[3] ?? "").replace(/0+$/, "");
  if (found === null || fraction.length > decimals) {
    throw new RangeError(`${amount} is no decimal with ${decimals} digits behind the point`);
  }
  const whole = BigInt(`${found[2]}${fraction.padEnd(decimals, "0")}`);
  return found[1] === "-" ? -whole : whole;
}

/** 1250n with 2 decimals as "12.50". */
export function fromScaled(whole: bigint, decimals: number): string {
  const digits = (whole < 0n ? -whole : whole).toString().padStart(decimals + 1, "0");
  const sign = whole < 0n ? "-" : "";
  if (decimals === 0) return `${sign}${digits}`;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
