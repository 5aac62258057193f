import type { components } from "../../api/schema";

type Saga = components["schemas"]["SagaView"];
export type SagaState = components["schemas"]["SagaState"];

/** In the order in which somebody should look. */
export const STATES: readonly SagaState[] = ["UNDER_WAY", "UNRESOLVED", "RECOVERED", "REJECTED", "CONFIRMED"];

export const MEANINGS: Readonly<Record<SagaState, string>> = {
  UNDER_WAY: "begun, and not ended yet",
  UNRESOLVED: "ended without an answer; the reconciler asks every minute",
  RECOVERED: "ended without an answer, and was settled since",
  REJECTED: "limits, engine or venue said no",
  CONFIRMED: "ended well",
};

const LONG_MS = 30_000; // The gateway has given up by then: whoever placed it has no answer.

/** Whether a saga takes longer than any should. */
export function isLong(saga: Pick<Saga, "state" | "took_ms">): boolean {
  return (saga.state === "UNDER_WAY" || saga.state === "UNRESOLVED") && saga.took_ms > LONG_MS;
}

/** "submit order: unavailable", and why: what the newest step came to. */
export function lastStep(saga: Pick<Saga, "step" | "outcome" | "detail">): string {
  if (saga.step === null) return "no step has ended yet";
  const outcome = saga.outcome === "DONE" ? "done" : (saga.outcome ?? "").toLowerCase();
  return `${saga.step.replaceAll("_", " ")}: ${outcome}${saga.detail ? `, ${saga.detail}` : ""}`;
}

/** The state of the address; null for none, and for one that there is not. */
export function stateOf(asked: string): SagaState | null {
  return STATES.find((state) => state === asked) ?? null;
}

/** From when on, so many hours ago; the platform looks back seven days at most. */
export function fromOf(hours: string, now: number): string {
  const asked = Number(hours);
  const kept = Number.isFinite(asked) ? Math.min(168, Math.max(1, asked)) : 24;
  return new Date(now - kept * 3_600_000).toISOString();
}
