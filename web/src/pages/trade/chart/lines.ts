/** The lines that are drawn for the chosen indicators. */
import type { IndicatorId } from "./choices";
import { type BarNumbers, bollinger, ema, type Line, macd, rsi, sma, vwap } from "./indicators";

export interface DrawnLine {
  readonly id: string;
  readonly title: string;
  readonly colour: string;
  /** PRICE: over the bars. Others have a pane of their own below. */
  readonly pane: "PRICE" | "RSI" | "MACD";
  readonly isHistogram?: boolean;
  readonly values: Line;
}

const BANDS_COLOUR = "#8e8cd8";

export function linesOf(chosen: readonly IndicatorId[], bars: readonly BarNumbers[]): readonly DrawnLine[] {
  const closes = bars.map((bar) => bar.close);
  return chosen.flatMap((id) => LINES[id](closes, bars));
}

type LinesOf = (closes: readonly number[], bars: readonly BarNumbers[]) => readonly DrawnLine[];

const LINES: Readonly<Record<IndicatorId, LinesOf>> = {
  sma: (closes) => [{ id: "sma", title: "SMA", colour: "#e8a33d", pane: "PRICE", values: sma(closes, 20) }],
  ema: (closes) => [{ id: "ema", title: "EMA", colour: "#3d9be8", pane: "PRICE", values: ema(closes, 50) }],
  vwap: (_, bars) => [{ id: "vwap", title: "VWAP", colour: "#c65bcf", pane: "PRICE", values: vwap(bars) }],
  rsi: (closes) => [{ id: "rsi", title: "RSI", colour: "#3d9be8", pane: "RSI", values: rsi(closes) }],
  bollinger: (closes) => {
    const { upper, middle, lower } = bollinger(closes);
    const band = { colour: BANDS_COLOUR, pane: "PRICE", title: "" } as const;
    return [
      { ...band, id: "upper", values: upper },
      { ...band, id: "middle", title: "Bollinger", values: middle },
      { ...band, id: "lower", values: lower },
    ];
  },
  macd: (closes) => {
    const { macd: line, signal, histogram } = macd(closes);
    return [
      { id: "histogram", title: "", colour: "#868e96", pane: "MACD", isHistogram: true, values: histogram },
      { id: "macd", title: "MACD", colour: "#3d9be8", pane: "MACD", values: line },
      { id: "signal", title: "Signal", colour: "#e8a33d", pane: "MACD", values: signal },
    ];
  },
};
