/** Which indicators one can choose; the address keeps them as `?indicators=sma,rsi`. */

export const INDICATORS = [
  { id: "sma", name: "SMA 20" },
  { id: "ema", name: "EMA 50" },
  { id: "bollinger", name: "Bollinger bands 20, 2" },
  { id: "vwap", name: "VWAP of the day" },
  { id: "rsi", name: "RSI 14" },
  { id: "macd", name: "MACD 12, 26, 9" },
] as const;
export type IndicatorId = (typeof INDICATORS)[number]["id"];

export function readChoice(text: string): readonly IndicatorId[] {
  const named = new Set(text.split(","));
  return INDICATORS.map(({ id }) => id).filter((id) => named.has(id));
}
