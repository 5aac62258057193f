/** Which alerts stand on the screen at once, and how many more there are. */
import type { LiveAlert } from "../live/alerts";

export const TOASTS_MAX = 3;

export interface Board {
  /** The oldest first. */
  readonly shown: readonly LiveAlert[];
  /** What came while there was no place. */
  readonly more: number;
}

export const EMPTY: Board = { shown: [], more: 0 };

/** What was raised is shown, or counted where three are; what somebody has taken up is not news any more. */
export function told(board: Board, alert: LiveAlert): Board {
  if (alert.what === "ACKNOWLEDGED") return closed(board, alert.alert_id);
  if (alert.what === "ESCALATED") return board; // Who sees the app has seen it raised.
  if (board.shown.some((each) => each.alert_id === alert.alert_id)) return board;
  if (board.shown.length < TOASTS_MAX) return { ...board, shown: [...board.shown, alert] };
  return { ...board, more: board.more + 1 };
}

export function closed(board: Board, alertId: string): Board {
  const shown = board.shown.filter((each) => each.alert_id !== alertId);
  return shown.length === board.shown.length ? board : { shown, more: shown.length === 0 ? 0 : board.more };
}

/** One that may not be overlooked stays until somebody closes it. */
export function stays(alert: LiveAlert): boolean {
  return alert.severity === "ERROR" || alert.severity === "CRITICAL";
}
