/** One account in one channel: what was told of it, in order and without a gap. */
import type { Taken } from "./market";
import type { AccountChannelName, AccountMessage, LiveFill, LiveOrder, LivePosition } from "./messages";
import { fillOf, OrderList } from "./orders";

/** Fills that are kept since the page began to listen. */
export const FILLS_MAX = 500;

export interface ItemsOf {
  readonly orders: LiveOrder;
  readonly positions: LivePosition;
}

/** What a page sees of an account's channel, or of those of all its accounts together. */
export interface AccountView<Item> {
  readonly state: "LOADING" | "READY" | "FAILED";
  /** Why there is nothing, as the server said it. */
  readonly error: string | null;
  /** Orders: newest first. */
  readonly items: readonly Item[];
  /** Fills since the page began to listen, oldest first. */
  readonly fills: readonly LiveFill[];
  /** False: there are older ones, which the HTTP API has. */
  readonly isComplete: boolean;
  /** Something happened that the items do not have yet; they are being asked for. */
  readonly isBehind: boolean;
}

export class Account {
  sequence: number | null = null;
  /** Its rows are older than what was told since: a position is booked by the server alone, so they are asked for again. */
  isBehind = false;
  isComplete = false;
  /** Rises with every change of what is shown. */
  changes = 0;
  private readonly orders = new OrderList();
  private positions: readonly LivePosition[] = [];
  private fills: readonly LiveFill[] = [];

  constructor(
    readonly channel: AccountChannelName,
    readonly accountId: string,
  ) {}

  take(message: AccountMessage): Taken {
    this.changes += 1;
    switch (message.type) {
      case "snapshot":
        this.begin(message.items, message.is_complete);
        this.isBehind = this.channel === "positions" && message.sequence < (this.sequence ?? 0);
        // What comes next follows this one, whatever was heard before.
        this.sequence = message.sequence;
        return "TAKEN";
      case "resumed":
        return message.sequence === this.sequence ? "TAKEN" : "GAP";
      case "closed":
        return "GAP";
      case "update": {
        if (message.previous_sequence !== this.sequence) return "GAP";
        this.sequence = message.sequence;
        const fill = fillOf(message.event);
        if (fill !== null && !this.fills.some((known) => known.trade_id === fill.trade_id)) {
          this.fills = [...this.fills, fill].slice(-FILLS_MAX);
        }
        if (this.channel === "orders") this.orders.take(message.event);
        else this.isBehind = true;
        return "TAKEN";
      }
    }
  }

  items(): readonly (LiveOrder | LivePosition)[] {
    return this.channel === "orders" ? this.orders.list() : this.positions;
  }

  /** Oldest first. */
  liveFills(): readonly LiveFill[] {
    return this.fills;
  }

  private begin(items: readonly unknown[], isComplete: boolean): void {
    this.isComplete = isComplete;
    if (this.channel === "orders") this.orders.begin(items as readonly LiveOrder[]);
    else {
      const positions = items as readonly Omit<LivePosition, "account_id">[];
      this.positions = positions.map((position) => ({ ...position, account_id: this.accountId }));
    }
  }
}

export function viewOf<Item>(accounts: readonly Account[], error: string | null): AccountView<Item> {
  const told = accounts.filter((account) => account.sequence !== null);
  const items = told.flatMap((account) => account.items());
  if (told.length > 1 && told[0]?.channel === "orders") {
    items.sort((one, other) => ((one as LiveOrder).created_at < (other as LiveOrder).created_at ? 1 : -1));
  }
  return {
    state: told.length > 0 ? "READY" : error !== null ? "FAILED" : "LOADING",
    error,
    items: items as readonly unknown[] as readonly Item[],
    fills: told.flatMap((account) => account.liveFills()),
    isComplete: told.every((account) => account.isComplete),
    isBehind: told.some((account) => account.isBehind),
  };
}
