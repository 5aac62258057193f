import type { components } from "../../api/schema";

type Consumer = components["schemas"]["Consumer"];

const LATE_S = 120;
const BAR_MAX_S = 600;

export interface LagBar {
  readonly percent: number;
  readonly isLate: boolean;
}

/** A second and ten minutes are both to be seen in one bar, so that it grows with the logarithm of the lag. */
export function lagBar(lagS: number): LagBar {
  const share = Math.log1p(Math.max(0, lagS)) / Math.log1p(BAR_MAX_S);
  return { percent: Math.min(100, Math.round(share * 1000) / 10), isLate: lagS > LATE_S };
}

/** Those that are behind come first, then those with dead letters, then by name. */
export function inOrderOfTrouble(consumers: readonly Consumer[]): readonly Consumer[] {
  return consumers.toSorted(
    (one, other) =>
      Number(other.state === "LATE") - Number(one.state === "LATE") ||
      other.dead_letters - one.dead_letters ||
      one.queue.localeCompare(other.queue),
  );
}
