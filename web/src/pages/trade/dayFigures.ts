/** The figures of 24 hours of every market, from the engine's `GET /api/v3/ticker/24hr` in Binance's dialect. */
import { useQuery } from "@tanstack/react-query";
import Big from "big.js";
import { usePlatform } from "../../platform";
import { pairOf } from "./chart/history";

export interface DayFigures {
  readonly openPrice: string;
  readonly highPrice: string;
  readonly lowPrice: string;
  /** In the base asset. */
  readonly volume: string;
}

const LOOK_EVERY_MS = 15_000;
const TIMEOUT_MS = 10_000;

/** By a symbol as the platform has it; undefined while they are not there, or nothing traded. */
export function useDayFigures(): (symbol: string) => DayFigures | undefined {
  const { engineUrl } = usePlatform();
  const day = useQuery({
    queryKey: ["day-figures"],
    queryFn: async () => {
      const answer = await fetch(`${engineUrl}/api/v3/ticker/24hr`, {
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (!answer.ok) throw new Error(`The engine has no figures of the day: it answered ${answer.status}.`);
      return readFigures(await answer.json());
    },
    refetchInterval: LOOK_EVERY_MS,
  });
  return (symbol) => day.data?.get(pairOf(symbol));
}

export function readFigures(told: unknown): ReadonlyMap<string, DayFigures> {
  const figures = new Map<string, DayFigures>();
  for (const each of Array.isArray(told) ? (told as Record<string, unknown>[]) : []) {
    figures.set(String(each.symbol), {
      openPrice: String(each.openPrice),
      highPrice: String(each.highPrice),
      lowPrice: String(each.lowPrice),
      volume: String(each.volume),
    });
  }
  return figures;
}

/** "+1.25" of "100" and "101.25", in percent; null where one is missing. */
export function changePercent(openPrice: string | undefined, last: string | undefined): string | null {
  if (openPrice === undefined || last === undefined || !/[1-9]/.test(openPrice)) return null;
  const change = new Big(last).minus(openPrice).times(100).div(openPrice).toFixed(2);
  return /[1-9]/.test(change) && !change.startsWith("-") ? `+${change}` : change.replace("-", "\u2212");
}
