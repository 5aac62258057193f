/** What pages want of the channels, and what was asked for. */
import type { AccountChannelName } from "./messages";

/** `account` null: every account that the caller may see. */
export type Wanted =
  | { readonly channel: "markets"; readonly symbol: string }
  | { readonly channel: AccountChannelName; readonly account: string | null };

/** What somebody on a page wants, and how many. */
export interface Place {
  readonly wanted: Wanted;
  readonly key: string;
  users: number;
  /** Of all accounts: which those are is known, each goes on by itself. */
  isAnswered: boolean;
  error: string | null;
  leaveEnd: (() => void) | null;
  leaveAgain: (() => void) | null;
}

export function newPlace(wanted: Wanted): Place {
  return {
    wanted,
    key: keyOf(wanted),
    users: 0,
    isAnswered: false,
    error: null,
    leaveEnd: null,
    leaveAgain: null,
  };
}

export function keyOf(wanted: Wanted): string {
  return wanted.channel === "markets"
    ? `markets/${wanted.symbol}`
    : `${wanted.channel}/${wanted.account ?? "*"}`;
}

export function leaveTimers(place: Place): void {
  place.leaveEnd?.();
  place.leaveAgain?.();
  place.leaveEnd = place.leaveAgain = null;
}

/** Requests that were not answered yet, in their order: an error does not say whose it is. */
export class Asked {
  private keys: string[] = [];

  add(key: string): void {
    this.keys.push(key);
  }

  includes(key: string): boolean {
    return this.keys.includes(key);
  }

  clear(): void {
    this.keys = [];
  }

  /** Whose an error is. */
  refused(): string | undefined {
    return this.keys.shift();
  }

  /**
   * One of these was answered, and so were those before it. Which one: what is told of an account may answer a request
   * for it, or for all.
   */
  answered(...keys: readonly string[]): string | undefined {
    const at = this.keys.findIndex((key) => keys.includes(key));
    const found = this.keys[at];
    if (at >= 0) this.keys = this.keys.slice(at + 1);
    return found;
  }
}
