import type { components } from "../../../api/schema";
import { ownTimeZone } from "../parts/moments";

type Quiet = components["schemas"]["QuietHoursRequest"];

export interface QuietForm {
  readonly isOn: boolean;
  readonly timeZone: string;
  readonly begins: string;
  readonly until: string;
  /** As chips have them: "1" is Monday. */
  readonly days: readonly string[];
}

export const WEEKDAYS = [
  { value: "1", label: "Mon" },
  { value: "2", label: "Tue" },
  { value: "3", label: "Wed" },
  { value: "4", label: "Thu" },
  { value: "5", label: "Fri" },
  { value: "6", label: "Sat" },
  { value: "7", label: "Sun" },
];

export function quietForm(quiet: Quiet | null): QuietForm {
  return {
    isOn: quiet !== null,
    timeZone: quiet?.time_zone ?? ownTimeZone(),
    begins: quiet?.begins ?? "22:00",
    until: quiet?.until ?? "07:00",
    days: (quiet?.days ?? [1, 2, 3, 4, 5, 6, 7]).map(String),
  };
}

/** Null switches them off. */
export function quietRequest(form: QuietForm): Quiet | null {
  if (!form.isOn) return null;
  return {
    time_zone: form.timeZone,
    begins: form.begins,
    until: form.until,
    days: form.days.map(Number).sort((one, other) => one - other),
  };
}
