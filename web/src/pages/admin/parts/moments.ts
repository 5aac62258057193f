/** What people type of times and lists, as the server takes it. */

/** "2026-12-24T08:00" of a field for date and time, by the browser's clock, as UTC. Null for an empty field. */
export function momentOf(typed: string): string | null {
  if (typed === "") return null;
  const moment = new Date(typed);
  return Number.isNaN(moment.getTime()) ? null : moment.toISOString();
}

/** The other way: a moment as a field for date and time shows it, to the minute. */
export function typedMoment(at: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** What stands on lines or between commas, each once, in the order in which it stands. */
export function listOf(typed: string): string[] {
  const found = typed
    .split(/[\n,]/)
    .map((each) => each.trim())
    .filter((each) => each !== "");
  return [...new Set(found)];
}

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** 5400 as "1 hour 30 minutes". */
export function shownSeconds(seconds: number): string {
  const parts: string[] = [];
  let rest = seconds;
  for (const [unit, length] of UNITS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count} ${unit}${count === 1 ? "" : "s"}`);
  }
  return parts.length === 0 ? "at once" : parts.join(" ");
}

/** For how long an old secret works beside its new one, as the server allows: a week at most. */
export const OVERLAPS = [
  { value: "86400", label: "A day" },
  { value: "3600", label: "An hour" },
  { value: "604800", label: "A week" },
  { value: "0", label: "Not at all: it leaked" },
];

export const TIME_ZONES: readonly string[] = [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])];

/** The browser's own. */
export function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
