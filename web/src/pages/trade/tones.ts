import sides from "./sides.module.css";

/** The colour of a change such as "+1.25": none where nothing changed, or it is not known. */
export function toneOf(change: string | null): string | undefined {
  if (change?.startsWith("+")) return sides.up;
  return change?.startsWith("\u2212") ? sides.down : undefined;
}
