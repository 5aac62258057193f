/**
 * The engine's channels for the whole app: one connection, and one subscription to each thing however many parts of a
 * page want it. What nobody wants any more is kept for a moment, so that going to another page does not begin anew.
 */
import { Account, type AccountView, type ItemsOf, viewOf } from "./account";
import { Connection, type ConnectionState, type ConnectionWorld } from "./connection";
import type { Frames } from "./frames";
import { Market, type Taken } from "./market";
import type { AccountChannelName, AccountMessage, ErrorMessage, MarketMessage } from "./messages";

/** The server sends a heartbeat every 15 s. */
const SILENCE_MS_MAX = 20_000;
export const LINGER_MS = 3_000;
/** A subscription that the server cannot serve just now is asked for again. */
export const ASK_AGAIN_MS = 3_000;
/** Of rows that were behind what happened: so long are they let alone before they are asked for again. */
export const REFRESH_MS = 500;
const UNAVAILABLE = new Set([
  "ENGINE_UNAVAILABLE",
  "DATABASE_UNAVAILABLE",
  "UNAVAILABLE",
  "TOO_MANY_SUBSCRIPTIONS",
]);
const NOT_AUTHENTICATED = "NOT_AUTHENTICATED";

/** `account` null: every account that the caller may see. */
export type Wanted =
  | { readonly channel: "markets"; readonly symbol: string }
  | { readonly channel: AccountChannelName; readonly account: string | null };

interface Place {
  readonly wanted: Wanted;
  readonly key: string;
  users: number;
  /** Of all accounts: which those are is known, each goes on by itself. */
  isAnswered: boolean;
  error: string | null;
  leaveEnd: (() => void) | null;
  leaveAgain: (() => void) | null;
}

export class Channels {
  private readonly connection: Connection;
  private readonly places = new Map<string, Place>();
  private readonly markets = new Map<string, Market>();
  private readonly accounts = new Map<string, Account>();
  /** Requests that were not answered yet, in their order: an error does not say whose it is. */
  private asked: string[] = [];
  private readonly views = new Map<string, { readonly basis: string; readonly view: AccountView<unknown> }>();
  private readonly refreshes = new Map<string, () => void>();
  private readonly listeners = new Set<() => void>();
  private version = 0;

  constructor(
    url: string,
    private readonly world: ConnectionWorld,
    private readonly frames: Frames,
  ) {
    this.connection = new Connection(
      url,
      world,
      { silenceMsMax: SILENCE_MS_MAX },
      {
        opened: (isAfterRefusal) => this.begin(isAfterRefusal),
        heard: (message) => this.hear(message),
        changed: () => this.changed(),
      },
    );
  }

  readonly state = (): ConnectionState => this.connection.current();
  /** Rises with every change that listeners were told of. */
  readonly versionNow = (): number => this.version;

  /** Told at frames; see Frames. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Keeps it until what it returns is called. */
  want(wanted: Wanted): () => void {
    const key = keyOf(wanted);
    let place = this.places.get(key);
    if (place === undefined) {
      place = { wanted, key, users: 0, isAnswered: false, error: null, leaveEnd: null, leaveAgain: null };
      this.places.set(key, place);
      this.connection.start();
      this.ask(place);
    }
    place.leaveEnd?.();
    place.leaveEnd = null;
    place.users += 1;
    let isOver = false;
    const held = place;
    return () => {
      if (isOver) return;
      isOver = true;
      held.users -= 1;
      if (held.users === 0) held.leaveEnd = this.world.later(() => this.end(held), LINGER_MS);
    };
  }

  market(symbol: string): Market {
    let market = this.markets.get(symbol);
    if (market === undefined) {
      market = new Market(symbol);
      this.markets.set(symbol, market);
    }
    return market;
  }

  /** Of the channel, that were told so far: one, or all. */
  accountsOf(channel: AccountChannelName, account: string | null): readonly Account[] {
    return [...this.accounts.values()].filter(
      (each) => each.channel === channel && (account === null || each.accountId === account),
    );
  }

  /** The same object until something changed, for React. */
  accountView<Name extends AccountChannelName>(
    channel: Name,
    account: string | null,
  ): AccountView<ItemsOf[Name]> {
    const key = keyOf({ channel, account });
    const accounts = this.accountsOf(channel, account);
    const error = this.places.get(key)?.error ?? null;
    const basis = `${error ?? ""} ${accounts.map((each) => `${each.accountId}:${each.changes}`).join()}`;
    const seen = this.views.get(key);
    if (seen?.basis === basis) return seen.view as AccountView<ItemsOf[Name]>;
    const view = viewOf<ItemsOf[Name]>(accounts, error);
    this.views.set(key, { basis, view });
    return view;
  }

  hurry(): void {
    this.connection.hurry();
  }

  /** Nobody is signed in any more, or somebody else: nothing that was told stays. */
  clear(): void {
    this.connection.stop();
    for (const place of this.places.values()) leaveTimers(place);
    for (const leave of this.refreshes.values()) leave();
    this.refreshes.clear();
    this.places.clear();
    this.markets.clear();
    this.accounts.clear();
    this.views.clear();
    this.asked = [];
    this.changed();
  }

  private begin(isAfterRefusal: boolean): void {
    this.asked = [];
    if (isAfterRefusal) this.accounts.clear(); // What the caller may see may not be what it was.
    for (const place of this.places.values()) {
      if (isAfterRefusal) place.isAnswered = false;
      this.ask(place);
    }
  }

  private ask(place: Place): void {
    const { wanted } = place;
    if (this.connection.current().kind !== "LIVE") return; // It is asked for when that opens.
    if (wanted.channel === "markets") {
      this.request(place.key, { action: "subscribe", channel: "markets", symbol: wanted.symbol });
      return;
    }
    const known = this.accountsOf(wanted.channel, wanted.account);
    if (wanted.account === null ? place.isAnswered : known.length > 0) {
      for (const each of known) this.resume(each);
      return;
    }
    const account = wanted.account === null ? {} : { account_id: wanted.account };
    this.request(place.key, { action: "subscribe", channel: wanted.channel, ...account });
  }

  /** With what it missed in place of all of it. */
  private resume(account: Account): void {
    const { channel, accountId } = account;
    const since = account.sequence === null || account.isBehind ? {} : { since: account.sequence };
    const key = keyOf({ channel, account: accountId });
    if (this.asked.includes(key)) return;
    this.request(key, { action: "subscribe", channel, account_id: accountId, ...since });
  }

  private request(key: string, message: object): void {
    this.asked.push(key);
    this.connection.send(message);
  }

  private hear(message: { readonly type: string } & Record<string, unknown>): void {
    if (message.type === "error") this.hearError(message as unknown as ErrorMessage);
    if (message.channel === "markets") this.hearMarket(message as unknown as MarketMessage);
    if (message.channel === "orders" || message.channel === "positions") {
      this.hearAccount(message as unknown as AccountMessage);
    }
  }

  private hearMarket(
    message: MarketMessage | { readonly type: "unsubscribed"; readonly symbol: string },
  ): void {
    const wanted: Wanted = { channel: "markets", symbol: message.symbol };
    if (message.type === "snapshot" || message.type === "unsubscribed") this.answered(keyOf(wanted));
    const place = this.places.get(keyOf(wanted));
    if (place === undefined || message.type === "unsubscribed") return;
    if (took(() => this.market(message.symbol).take(message, this.world.now())) === "GAP") {
      if (message.type === "closed" || message.type === "snapshot") this.askLater(place);
      else if (!this.asked.includes(place.key)) this.ask(place);
    }
    if (message.type === "snapshot") place.error = null;
    this.changed();
  }

  private hearAccount(
    message:
      | AccountMessage
      | { readonly type: "unsubscribed"; readonly account_id: string; readonly channel: AccountChannelName },
  ): void {
    const { channel, account_id } = message;
    const key = keyOf({ channel, account: account_id });
    if (message.type === "snapshot" || message.type === "resumed" || message.type === "unsubscribed") {
      this.answered(key, keyOf({ channel, account: null }));
    }
    const place = this.places.get(key) ?? this.places.get(keyOf({ channel, account: null }));
    if (place === undefined || message.type === "unsubscribed") return;
    const account = this.accounts.get(key) ?? new Account(channel, account_id);
    this.accounts.set(key, account);
    if (took(() => account.take(message)) === "GAP") {
      if (message.type === "resumed") account.sequence = null;
      if (message.type === "closed" || message.type === "snapshot") this.askLater(place);
      else this.resume(account);
    }
    if (message.type === "snapshot") place.error = null;
    if (account.isBehind) this.refreshSoon(key, account);
    this.changed();
  }

  private hearError(error: ErrorMessage): void {
    if (error.code === NOT_AUTHENTICATED) {
      this.connection.refused();
      return;
    }
    const key = this.asked.shift();
    const place = key === undefined ? undefined : this.places.get(key);
    if (place === undefined) return;
    if (UNAVAILABLE.has(error.code)) this.askLater(place);
    place.error = error.detail;
    if (place.wanted.channel === "markets") this.market(place.wanted.symbol).fail(error.detail);
    this.changed();
  }

  /** Requests are answered in their order, so those before it have been, too. */
  private answered(key: string, keyOfAll: string | null = null): void {
    const at = this.asked.findIndex((each) => each === key || each === keyOfAll);
    if (at < 0) return;
    const all = this.asked[at] === keyOfAll && keyOfAll !== null ? this.places.get(keyOfAll) : undefined;
    if (all !== undefined) all.isAnswered = true;
    this.asked = this.asked.slice(at + 1);
  }

  private askLater(place: Place): void {
    place.leaveAgain?.();
    place.leaveAgain = this.world.later(() => {
      place.leaveAgain = null;
      this.ask(place);
    }, ASK_AGAIN_MS);
  }

  private refreshSoon(key: string, account: Account): void {
    if (this.refreshes.has(key)) return;
    const leave = this.world.later(() => {
      this.refreshes.delete(key);
      if (account.isBehind && this.accounts.get(key) === account) this.resume(account);
    }, REFRESH_MS);
    this.refreshes.set(key, leave);
  }

  private end(place: Place): void {
    leaveTimers(place);
    if (this.places.get(place.key) !== place) return;
    this.places.delete(place.key);
    const { wanted } = place;
    if (wanted.channel === "markets") {
      this.markets.delete(wanted.symbol);
      this.request(place.key, { action: "unsubscribe", channel: "markets", symbol: wanted.symbol });
    } else {
      for (const account of this.accountsOf(wanted.channel, wanted.account)) this.endAccount(account);
    }
    if (this.places.size === 0) this.clear();
  }

  private endAccount({ channel, accountId }: Account): void {
    const key = keyOf({ channel, account: accountId });
    if (this.places.has(key) || this.places.has(keyOf({ channel, account: null }))) return; // Others want it yet.
    this.accounts.delete(key);
    this.request(key, { action: "unsubscribe", channel, account_id: accountId });
  }

  private changed(): void {
    this.frames.soon(this.tell);
  }

  private readonly tell = (): void => {
    this.version += 1;
    for (const listener of this.listeners) listener();
  };
}

function keyOf(wanted: Wanted): string {
  return wanted.channel === "markets"
    ? `markets/${wanted.symbol}`
    : `${wanted.channel}/${wanted.account ?? "*"}`;
}

function leaveTimers(place: Place): void {
  place.leaveEnd?.();
  place.leaveAgain?.();
  place.leaveEnd = place.leaveAgain = null;
}

/** What is not as it is documented, as a price with more decimals than its market has, is begun anew. */
function took(take: () => Taken): Taken {
  try {
    return take();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return "GAP";
    throw error;
  }
}
