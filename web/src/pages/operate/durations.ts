/** Spans of time as people read them. */

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
] as const;

/** "3 h 5 min", "4.2 s", "17 ms": the two largest units, so that it stays short. */
export function shownSpan(milliseconds: number): string {
  const span = Math.max(0, milliseconds);
  if (span < 1_000) return `${Math.round(span)} ms`;
  if (span < 60_000) return `${(span / 1_000).toFixed(1)} s`;
  const first = UNITS.findIndex(([, length]) => span >= length);
  const [unit, length] = UNITS[first] ?? UNITS[2];
  const whole = Math.floor(span / length);
  const [nextUnit, nextLength] = UNITS[first + 1] ?? (["s", 1_000] as const);
  const rest = Math.floor((span - whole * length) / nextLength);
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${nextUnit}`;
}
