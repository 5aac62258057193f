/** Overrides: what a form asks for, and what one may do with those that there are. */
import type { components } from "../../../api/schema";
import { momentOf } from "./moments";
import type { Override } from "./types";

export type OverrideRequest = components["schemas"]["OverrideRequest"];

export interface OverrideDraft {
  readonly limitId: string;
  readonly value: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly reason: string;
}

const AMOUNT = /^-?\d{1,18}(\.\d{1,18})?$/;

/** The request, or what is wrong at which field, by the server's names. */
export function overrideRequestOf(
  draft: OverrideDraft,
): OverrideRequest | { readonly errors: Readonly<Record<string, string>> } {
  const errors: Record<string, string> = {};
  const startsAt = draft.startsAt === "" ? null : momentOf(draft.startsAt);
  const endsAt = momentOf(draft.endsAt);
  if (!AMOUNT.test(draft.value.trim())) errors.value = "A number, such as 25 or 0.5";
  if (draft.startsAt !== "" && startsAt === null) errors.starts_at = "A day and a time";
  if (draft.reason.trim() === "") errors.reason = "Say why";
  if (endsAt === null) return { errors: { ...errors, ends_at: "A day and a time" } };
  if (Object.keys(errors).length > 0) return { errors };
  return {
    limit_id: draft.limitId,
    value: draft.value.trim(),
    is_exempt: false,
    starts_at: startsAt,
    ends_at: endsAt,
    reason: draft.reason.trim(),
  };
}

export interface OverrideSteps {
  readonly mayApprove: boolean;
  readonly mayEnd: boolean;
  /** Why it cannot be approved by oneself, where that is so. */
  readonly isOwn: boolean;
}

/** Who asked for it does not approve it: the server says so, and it is not offered. */
export function stepsOf(
  override: Pick<Override, "state" | "requested_by">,
  username: string,
  may: (permission: string) => boolean,
): OverrideSteps {
  const isOwn = override.requested_by === username;
  const isRequested = override.state === "REQUESTED";
  return {
    mayApprove: isRequested && !isOwn && may("risk:manage"),
    mayEnd: override.state !== "ENDED" && may("limits:manage"),
    isOwn: isRequested && isOwn && may("risk:manage"),
  };
}
