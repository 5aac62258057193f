/** The versions of a limit, of GET /limits/{limit_id}/history, as rows. */
import { settingWords } from "./limitWords";

export interface LimitVersion {
  readonly version: string;
  readonly changedAt: string;
  readonly changedBy: string;
  readonly words: string;
  readonly action: string;
  readonly thresholds: string;
  readonly validFrom: string | null;
  readonly validUntil: string | null;
}

type Told = Readonly<Record<string, unknown>>;

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** The newest first. The API describes versions as objects of any shape. */
export function versionsOf(told: readonly Told[], unit: string): readonly LimitVersion[] {
  return told.map((version) => versionOf(version, unit)).toReversed();
}

export function versionOf(told: Told, unit: string): LimitVersion {
  const percents: readonly unknown[] = Array.isArray(told.thresholds_pct) ? told.thresholds_pct : [];
  return {
    version: String(told.version ?? ""),
    changedAt: text(told.changed_at) ?? "",
    changedBy: text(told.changed_by) ?? "",
    words: told.is_deleted === true ? "taken away" : settingWords(termsOf(told), unit),
    action: (text(told.action) ?? "").toLowerCase().replaceAll("_", " "),
    thresholds: percents.map((percent) => `${String(percent)} %`).join(", "),
    validFrom: text(told.valid_from),
    validUntil: text(told.valid_until),
  };
}

function termsOf(told: Told) {
  const { parameters } = told;
  return {
    value: text(told.value),
    instrument: text(told.instrument) ?? "*",
    currency: text(told.currency) ?? "",
    parameters: typeof parameters === "object" && parameters !== null ? { ...parameters } : {},
  };
}
