/** Moments as a form has them, in the user's own zone ("2026-12-01T14:00"), and as the API has them, in UTC. */

/** "" for none. */
export function localOf(rfc3339: string | null): string {
  if (rfc3339 === null) return "";
  const at = new Date(rfc3339);
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Null for what is no moment. */
export function momentOf(local: string): string | null {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** So many hours from now, to the minute, in the form's words. */
export function localIn(hours: number, now: number): string {
  return localOf(new Date(now + hours * 3_600_000).toISOString());
}

/** Days from one to the other, both included, as "2026-11-30"; the first `max` of them. */
export function daysBetween(first: string, last: string, max: number): readonly string[] {
  const days: string[] = [];
  const day = new Date(`${first}T00:00:00Z`);
  const end = new Date(`${last}T00:00:00Z`);
  while (day <= end && days.length < max) {
    days.push(day.toISOString().slice(0, 10));
    day.setUTCDate(day.getUTCDate() + 1);
  }
  return days;
}
