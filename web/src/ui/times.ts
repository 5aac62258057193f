/** Moments in the user's own zone; the server's are UTC with microseconds. */

const SHOWN = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });

export function shownTime(rfc3339: string): string {
  const moment = new Date(rfc3339);
  return Number.isNaN(moment.getTime()) ? rfc3339 : SHOWN.format(moment);
}
