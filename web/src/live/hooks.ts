/** How a page reads what is live. What it reads is kept up to date while it is shown, at the screen's frames. */
import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import { usePlatform } from "../platform";
import type { AccountView, ItemsOf } from "./account";
import type { LiveAlert } from "./alerts";
import type { ConnectionState } from "./connection";
import type { MarketView, QuoteView } from "./market";
import type { AccountChannelName } from "./messages";

/** Book, trades and last price of a symbol of SIM. For a list of symbols `useQuote` is enough, and cheaper. */
export function useMarket(symbol: string): MarketView {
  const { channels } = usePlatform().live;
  useEffect(() => channels.want({ channel: "markets", symbol }), [channels, symbol]);
  const seen = useCallback(() => channels.market(symbol).view(), [channels, symbol]);
  return useSyncExternalStore(channels.subscribe, seen);
}

/** Best bid and ask, and the last trade. */
export function useQuote(symbol: string): QuoteView {
  const { channels } = usePlatform().live;
  useEffect(() => channels.want({ channel: "markets", symbol }), [channels, symbol]);
  const seen = useCallback(() => channels.market(symbol).quoteView(), [channels, symbol]);
  return useSyncExternalStore(channels.subscribe, seen);
}

/**
 * The newest 200 orders of an account and every word on one since, or its positions; of all accounts that the caller may
 * see where none is named, 20 at most (then `error` says so).
 *
 * Orders: `status` and quantities are the last word. Positions: as the server has booked them; `isBehind` while a fill
 * is not in them yet, for half a second or so.
 */
export function useAccountChannel<Name extends AccountChannelName>(
  channel: Name,
  accountId?: string,
): AccountView<ItemsOf[Name]> {
  const { channels } = usePlatform().live;
  const account = accountId ?? null;
  useEffect(() => channels.want({ channel, account }), [channels, channel, account]);
  const seen = useCallback(() => channels.accountView(channel, account), [channels, channel, account]);
  return useSyncExternalStore(channels.subscribe, seen);
}

/** Calls for each thing that happens to an alert, once. Returns why nothing is told, or null. */
export function useAlertsChannel(onAlert: (alert: LiveAlert) => void): string | null {
  const { alerts } = usePlatform().live;
  const newest = useRef(onAlert);
  useEffect(() => {
    newest.current = onAlert;
  });
  useEffect(() => alerts.listen((alert) => newest.current(alert)), [alerts]);
  return useSyncExternalStore(alerts.watch, alerts.error);
}

/** Of the engine's channels: whether what is shown is live. IDLE: no page needs it just now. */
export function useConnection(): ConnectionState {
  const { channels } = usePlatform().live;
  return useSyncExternalStore(channels.subscribe, channels.state);
}

/** Of the alerts. */
export function useAlertsConnection(): ConnectionState {
  const { alerts } = usePlatform().live;
  return useSyncExternalStore(alerts.watch, alerts.state);
}
