/** What a form says of a limit, and the request that it makes. */

import { type Hours, hasValue, hoursOf } from "./limitWords";
import { localOf, momentOf } from "./moments";
import type { Action, Limit, LimitParameter, LimitSetting, LimitType } from "./types";

export const ACTIONS: readonly Action[] = ["WARN", "REJECT", "REDUCE_ONLY", "SUSPEND", "KILL"];
export const WEEK = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"] as const;
const AMOUNT = /^-?\d{1,18}(\.\d{1,18})?$/;
const THRESHOLDS_MAX = 5;

/** As typed: of a parameter the text, the chosen words, or the hours. */
export type ParameterDraft = string | readonly string[] | Hours;

export interface LimitDraft {
  readonly limitType: string;
  readonly instrument: string;
  readonly value: string;
  readonly currency: string;
  /** "": what the type does by itself. */
  readonly action: string;
  /** "70, 90" */
  readonly thresholds: string;
  readonly validFrom: string;
  readonly validUntil: string;
  readonly parameters: Readonly<Record<string, ParameterDraft>>;
}

export type Errors = Readonly<Record<string, string>>;

export const NEW_LIMIT: LimitDraft = {
  limitType: "",
  instrument: "*",
  value: "",
  currency: "USDT",
  action: "",
  thresholds: "70, 90",
  validFrom: "",
  validUntil: "",
  parameters: {},
};

/** A limit that there is, as the form shows it. What was set counts, not what an override makes of it. */
export function draftOf(limit: Limit): LimitDraft {
  return {
    limitType: limit.limit_type,
    instrument: limit.instrument,
    value: limit.set_value ?? "",
    currency: limit.currency,
    action: limit.action,
    thresholds: limit.thresholds_pct.join(", "),
    validFrom: localOf(limit.valid_from),
    validUntil: localOf(limit.valid_until),
    parameters: Object.fromEntries(
      Object.entries(limit.set_parameters).map(([name, value]) => [name, parameterDraft(value)]),
    ),
  };
}

/** Whether the form asks for the currency: also where the server takes one alone, and the draft says another. */
export function asksForCurrency(draft: Pick<LimitDraft, "currency">, type: Pick<LimitType, "unit">): boolean {
  return type.unit === "currency" || (type.unit === "base currency" && draft.currency !== NEW_LIMIT.currency);
}

function parameterDraft(value: unknown): ParameterDraft {
  if (Array.isArray(value)) return value.map(String);
  return hoursOf(value) ?? String(value);
}

/** The types that may be set on a node of this kind. */
export function typesFor(types: readonly LimitType[], nodeKind: string): readonly LimitType[] {
  return types.filter(
    (type) => !type.is_built_in && (type.node_kinds.length === 0 || type.node_kinds.includes(nodeKind)),
  );
}

/** The words to choose from, as the parameter's `about` names them; empty where any word may be typed. */
export function choicesOf(parameter: LimitParameter): readonly string[] {
  const { about } = parameter;
  if (parameter.kind === "WORD" && / or /.test(about)) return about.split(" or ").map((word) => word.trim());
  const some = /^some of (.+)$/.exec(about);
  return some === null ? [] : (some[1] ?? "").split(",").map((word) => word.trim());
}

/**
 * The request of POST /limits, or what is wrong at which field; the server's own no has the same names.
 *
 * `before`: the limit that is changed, in the version that the form was filled with.
 */
export function settingOf(
  draft: LimitDraft,
  type: LimitType | undefined,
  nodeId: string,
  before: Pick<Limit, "limit_id" | "version"> | null,
): LimitSetting | { readonly errors: Errors } {
  if (type === undefined) return { errors: { limit_type: "Choose what is limited" } };
  const errors: Record<string, string> = {};
  const value = draft.value.trim();
  if (hasValue(type) && !AMOUNT.test(value)) errors.value = "A number, such as 25 or 0.5";
  if (draft.instrument.trim() === "") errors.instrument = "A symbol, venue:NAME, class:NAME, or * for all";
  const thresholds = draft.thresholds.split(/[\s,]+/).filter((part) => part !== "");
  if (thresholds.length > THRESHOLDS_MAX || thresholds.some((part) => !/^[1-9]\d?$/.test(part))) {
    errors.thresholds_pct = `At most ${THRESHOLDS_MAX} whole percents from 1 to 99, such as 70, 90`;
  }
  const dates = datesOf(draft, errors);
  const parameters = parametersOf(draft, type, errors);
  if (Object.keys(errors).length > 0) return { errors };
  return {
    node_id: nodeId,
    limit_type: type.limit_type,
    instrument: draft.instrument.trim(),
    value: hasValue(type) ? value : null,
    parameters,
    currency: draft.currency.trim(),
    action: ACTIONS.find((action) => action === draft.action) ?? null,
    thresholds_pct: thresholds.map(Number),
    ...dates,
    ...(before === null ? {} : { limit_id: before.limit_id, version: before.version }),
  };
}

function datesOf(draft: LimitDraft, errors: Record<string, string>) {
  const from = draft.validFrom === "" ? null : momentOf(draft.validFrom);
  const until = draft.validUntil === "" ? null : momentOf(draft.validUntil);
  if (draft.validFrom !== "" && from === null) errors.valid_from = "A day and a time";
  if (draft.validUntil !== "" && until === null) errors.valid_until = "A day and a time";
  if (from !== null && until !== null && from >= until) errors.valid_until = "After its beginning";
  return { valid_from: from, valid_until: until };
}

function parametersOf(draft: LimitDraft, type: LimitType, errors: Record<string, string>) {
  const parameters: Record<string, unknown> = {};
  for (const parameter of type.parameters) {
    const typed = draft.parameters[parameter.name];
    if (isBlank(typed)) {
      if (parameter.is_required) errors[parameter.name] = "This type needs it";
      continue;
    }
    if (parameter.kind === "INTEGER") {
      if (!/^\d{1,9}$/.test(String(typed))) errors[parameter.name] = "A whole number";
      parameters[parameter.name] = Number(typed);
    } else if (parameter.kind === "AMOUNT") {
      if (!AMOUNT.test(String(typed))) errors[parameter.name] = "A number, such as 0.5";
      parameters[parameter.name] = typed;
    } else {
      parameters[parameter.name] = typed;
    }
  }
  return parameters;
}

function isBlank(typed: ParameterDraft | undefined): typed is undefined {
  if (typed === undefined) return true;
  if (typeof typed === "string") return typed.trim() === "";
  return "days" in typed ? typed.days.length === 0 : typed.length === 0;
}
