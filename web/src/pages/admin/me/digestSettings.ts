import type { components } from "../../../api/schema";

type Settings = components["schemas"]["DigestSettings"];
type Request = components["schemas"]["DigestSettingsRequest"];

/** `DEFAULT`: as it is for the role. */
export type Wanted = "DEFAULT" | "ON" | "OFF";

export interface DigestForm {
  readonly daily: Wanted;
  readonly weekly: Wanted;
  readonly hour: string;
  /** Null: the organisation's clock. */
  readonly timeZone: string | null;
}

export function digestForm(settings: Settings): DigestForm {
  const zone = settings.own.time_zone;
  return {
    daily: wantedOf(settings.own.daily),
    weekly: wantedOf(settings.own.weekly),
    hour: String(settings.hour),
    timeZone: typeof zone === "string" ? zone : null,
  };
}

export function digestRequest(form: DigestForm): Request {
  const said = (wanted: Wanted) => (wanted === "DEFAULT" ? null : wanted === "ON");
  return {
    daily: said(form.daily),
    weekly: said(form.weekly),
    hour: Number(form.hour),
    time_zone: form.timeZone,
  };
}

function wantedOf(own: boolean | number | string | null | undefined): Wanted {
  if (typeof own !== "boolean") return "DEFAULT";
  return own ? "ON" : "OFF";
}
