import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { type MarketView, TRADES_MAX } from "../../../live/market";
import { usePlatform } from "../../../platform";
import { BarSeries } from "./bars";
import { fetchHistory } from "./history";
import type { Interval } from "./intervals";

/**
 * The series of a symbol's bars, which the market's trades are then given to. It begins anew with another symbol or
 * interval, and when trades were missed. `error`: the engine did not tell of bars.
 */
export function useBars(market: MarketView, interval: Interval) {
  const { engineUrl } = usePlatform();
  const { symbol, gaps } = market;
  // What is asked before the market's trades are here would leave some out between the two.
  const isReady = market.state === "READY";
  const [attempt, setAttempt] = useState(0);
  const history = useQuery({
    queryKey: ["bars", symbol, interval, gaps, attempt],
    queryFn: () => fetchHistory(engineUrl, symbol, interval),
    enabled: isReady,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const series = useMemo(
    () => (history.data === undefined ? null : new BarSeries(interval, history.data)),
    [history.data, interval],
  );
  const isFollowed = series?.isFollowedBy(market.trades, market.trades.length >= TRADES_MAX) ?? true;
  useEffect(() => {
    if (!isFollowed) setAttempt((before) => before + 1);
  }, [isFollowed]);
  return { series, error: history.error };
}
