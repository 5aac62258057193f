/**
 * Amounts as people read them. They are decimal strings from the server to the screen: a float would change them.
 */

const AMOUNT = /^(-?)(\d+)(?:\.(\d+))?$/;

/** "1234567.5" as "1,234,567.5", every digit kept. What is no amount is shown as it is. */
export function shownAmount(amount: string): string {
  const found = AMOUNT.exec(amount);
  if (found === null) return amount;
  const [, sign, whole, fraction] = found;
  const grouped = (whole ?? "").replace(/\B(?=(\d{3})+$)/g, ",");
  return `${sign === "-" ? "\u2212" : ""}${grouped}${fraction === undefined ? "" : `.${fraction}`}`;
}

/** -1, 0 or 1: which colour an amount has. */
export function signOf(amount: string): -1 | 0 | 1 {
  if (!/[1-9]/.test(amount)) return 0;
  return amount.startsWith("-") ? -1 : 1;
}
