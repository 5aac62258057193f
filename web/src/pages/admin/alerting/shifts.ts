/** Who is on call on which day: the server's shifts laid over a calendar of the user's own days. */
import type { components } from "../../../api/schema";

type Shift = components["schemas"]["RotaShift"];

export interface Day {
  readonly begins: Date;
  /** The next one's beginning: a day in which clocks change is longer or shorter. */
  readonly ends: Date;
}

/** A part of a day that one shift covers. `from` null: since before the day; `until` null: beyond it. */
export interface OnCall {
  readonly username: string | null;
  readonly standsInFor: string | null;
  readonly isOverride: boolean;
  readonly from: string | null;
  readonly until: string | null;
}

/** `count` days by the browser's clock, from the Monday of the week that `at` is in. */
export function daysFrom(at: Date, count: number): Day[] {
  const sinceMonday = (at.getDay() + 6) % 7;
  const midnight = (days: number) =>
    new Date(at.getFullYear(), at.getMonth(), at.getDate() - sinceMonday + days);
  return Array.from({ length: count }, (_, day) => ({ begins: midnight(day), ends: midnight(day + 1) }));
}

/** For each day who is on call then, in order; nothing where the shifts say nothing. */
export function calendar(
  shifts: readonly Shift[],
  days: readonly Day[],
): readonly { readonly day: Day; readonly onCall: readonly OnCall[] }[] {
  return days.map((day) => ({
    day,
    onCall: shifts
      .filter((shift) => new Date(shift.starts_at) < day.ends && new Date(shift.ends_at) > day.begins)
      .map((shift) => ({
        username: shift.username,
        standsInFor: shift.stands_in_for,
        isOverride: shift.is_override,
        from: new Date(shift.starts_at) > day.begins ? shift.starts_at : null,
        until: new Date(shift.ends_at) < day.ends ? shift.ends_at : null,
      })),
  }));
}

/** Weeks enough to show the last of them, and no more than five. */
export function weeksOf(shifts: readonly Shift[], at: Date): number {
  const last = shifts.at(-1);
  if (last === undefined) return 1;
  const end = new Date(last.ends_at);
  const weeks = [1, 2, 3, 4, 5];
  return weeks.find((count) => (daysFrom(at, 7 * count).at(-1)?.ends ?? end) >= end) ?? 5;
}
