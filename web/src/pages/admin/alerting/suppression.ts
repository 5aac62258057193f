import type { components } from "../../../api/schema";
import { momentOf } from "../parts/moments";
import type { Category } from "./words";

type Schemas = components["schemas"];

export interface SuppressionForm {
  readonly category: Category | null;
  readonly kind: string;
  readonly nodeId: string | null;
  readonly includesCritical: boolean;
  /** Empty: from now. */
  readonly starts: string;
  readonly ends: string;
  readonly reason: string;
}

export function suppressionRequest(form: SuppressionForm): Schemas["NewSuppression"] {
  const kind = form.kind.trim().toUpperCase();
  return {
    category: form.category,
    kind: kind === "" ? null : kind,
    node_id: form.nodeId,
    includes_critical: form.includesCritical,
    starts_at: momentOf(form.starts),
    ends_at: momentOf(form.ends) ?? "",
    reason: form.reason.trim(),
  };
}

export type Standing = "IN_FORCE" | "COMING" | "OVER";

export function standingOf(
  suppression: Pick<Schemas["Suppression"], "starts_at" | "ends_at" | "ended_by">,
  now: Date,
): Standing {
  if (suppression.ended_by !== null || new Date(suppression.ends_at) <= now) return "OVER";
  return new Date(suppression.starts_at) > now ? "COMING" : "IN_FORCE";
}
