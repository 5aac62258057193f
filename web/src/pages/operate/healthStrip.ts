/** How each dependency was over a time, as pieces of a strip: pure, so that it can be tested. */
import type { components } from "../../api/schema";

type Period = components["schemas"]["HealthPeriodView"];
type Dependency = components["schemas"]["DependencyHealth"];
export type StripState = components["schemas"]["HealthState"] | "UNKNOWN";

export interface Piece {
  readonly state: StripState;
  readonly from: number;
  readonly to: number;
  /** What was not well, in the platform's words. */
  readonly detail: string;
}

export interface Strip {
  readonly dependency: string;
  /** Without gaps from the strip's beginning to its end, in the order of time. */
  readonly pieces: readonly Piece[];
}

/**
 * `periods` as the history tells them. A look speaks for the time up to the next one, `lookedEveryMs`; what nobody looked
 * at is UNKNOWN, and never drawn as well.
 */
export function stripsOf(
  periods: readonly Period[],
  { from, to, lookedEveryMs }: { from: number; to: number; lookedEveryMs: number },
): readonly Strip[] {
  const byName = new Map<string, Period[]>();
  for (const period of periods)
    byName.set(period.dependency, [...(byName.get(period.dependency) ?? []), period]);
  return [...byName.entries()]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([dependency, found]) => ({ dependency, pieces: piecesOf(found, from, to, lookedEveryMs) }));
}

function piecesOf(periods: readonly Period[], from: number, to: number, lookedEveryMs: number): Piece[] {
  const inOrder = periods
    .map((period) => ({
      period,
      began: Date.parse(period.began_at),
      until: Date.parse(period.seen_until) + lookedEveryMs,
    }))
    .sort((one, other) => one.began - other.began);
  const pieces: Piece[] = [];
  let at = from;
  const add = (state: StripState, until: number, detail: string) => {
    const end = Math.min(until, to);
    if (end <= at) return;
    pieces.push({ state, from: at, to: end, detail });
    at = end;
  };
  inOrder.forEach(({ period, began, until }, index) => {
    add("UNKNOWN", began, "");
    const next = inOrder[index + 1];
    // The schedule is a few seconds late now and then: one late look is no gap.
    const reach = next !== undefined && next.began - until < lookedEveryMs ? next.began : until;
    add(period.state as StripState, Math.min(reach, next?.began ?? reach), period.detail);
  });
  add("UNKNOWN", to, "");
  return pieces;
}

/** The share of the time in which it was so, of what is known: "99.95 %". Null where nothing is known. */
export function shareUp(strip: Strip): string | null {
  const lengthOf = (pieces: readonly Piece[]) =>
    pieces.reduce((sum, piece) => sum + piece.to - piece.from, 0);
  const known = lengthOf(strip.pieces.filter((piece) => piece.state !== "UNKNOWN"));
  if (known === 0) return null;
  const up = lengthOf(strip.pieces.filter((piece) => piece.state === "UP"));
  // Rounded down: what was down for a moment is not shown as if it never was.
  return `${(Math.floor((up / known) * 10_000) / 100).toFixed(2)} %`;
}

/** What is not well with a dependency now, in words. */
export function troubleOf(dependency: Dependency): string {
  const unserved = dependency.unserved_shards ?? [];
  const late = dependency.late ?? [];
  const said = [
    ...(unserved.length > 0 ? [`nobody serves the shards ${unserved.join(", ")}`] : []),
    ...(late.length > 0 ? [`late: ${late.join(", ")}`] : []),
  ];
  return said.length > 0 ? said.join("; ") : dependency.state === "DOWN" ? "does not answer" : "";
}
