/** The chart on the screen. Here, and nowhere else, amounts become numbers: a pixel needs no more digits. */
import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  LineSeries,
  LineStyle,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { decimalsOf } from "../../../live/scaled";
import type { Bar } from "./bars";
import type { IndicatorId } from "./choices";
import type { BarNumbers } from "./indicators";
import { type DrawnLine, linesOf } from "./lines";

export interface FillMark {
  readonly id: string;
  readonly openMs: number;
  readonly side: "BUY" | "SELL";
}

export interface OrderMark {
  readonly id: string;
  readonly side: "BUY" | "SELL";
  readonly price: string;
  readonly title: string;
}

const UP = "#12a378";
const DOWN = "#e0414b";
const VOLUME_OPACITY = "55";
/** Of the height, where each pane below has one. */
const PRICE_PANE_SHARE = 4;

type LineApi = ISeriesApi<"Line"> | ISeriesApi<"Histogram">;

export class Drawing {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly volumes: ISeriesApi<"Histogram">;
  private readonly marks: ISeriesMarkersPluginApi<Time>;
  private readonly lines = new Map<string, LineApi>();
  private readonly panes = new Map<string, DrawnLine["pane"]>();
  private orderLines: IPriceLine[] = [];

  constructor(element: HTMLElement, onPoint: (openMs: number | null) => void) {
    this.chart = createChart(element, {
      autoSize: true,
      layout: { background: { color: "transparent" }, fontSize: 11, attributionLogo: true },
      localization: {
        timeFormatter: (time: Time) => shown(time, { dateStyle: "short", timeStyle: "medium" }),
      },
      timeScale: { timeVisible: true, tickMarkFormatter: tickOf },
    });
    this.candles = this.chart.addSeries(CandlestickSeries, {
      ...{ upColor: UP, wickUpColor: UP, downColor: DOWN, wickDownColor: DOWN },
      borderVisible: false,
    });
    this.volumes = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.volumes.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.marks = createSeriesMarkers(this.candles, []);
    this.chart.subscribeCrosshairMove(({ time }) => onPoint(typeof time === "number" ? time * 1_000 : null));
  }

  paint(isDark: boolean): void {
    const line = isDark ? "#2e2e2e" : "#e9ecef";
    this.chart.applyOptions({
      layout: { textColor: isDark ? "#c1c2c5" : "#495057", panes: { separatorColor: line } },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      rightPriceScale: { borderColor: line },
      timeScale: { borderColor: line },
    });
  }

  /** `tickSize`: how prices are written at the scale. `showsSeconds`: of bars of seconds. */
  configure(tickSize: string, showsSeconds: boolean): void {
    const precision = decimalsOf(tickSize);
    this.candles.applyOptions({ priceFormat: { type: "price", precision, minMove: Number(tickSize) } });
    this.chart.timeScale().applyOptions({ secondsVisible: showsSeconds });
  }

  /** All of them, with the lines that are chosen. */
  begin(bars: readonly Bar[], chosen: readonly IndicatorId[]): void {
    const numbers = bars.map(numbersOf);
    this.candles.setData(numbers.map(candleOf));
    this.volumes.setData(numbers.map(volumeOf));
    const lines = linesOf(chosen, numbers);
    this.keepOnly(lines);
    for (const line of lines) this.lineOf(line).setData(numbers.map((bar, at) => pointOf(line, bar, at)));
  }

  /** The last `count` of them, which changed or came. */
  update(bars: readonly Bar[], count: number, chosen: readonly IndicatorId[]): void {
    const numbers = bars.map(numbersOf);
    const lines = linesOf(chosen, numbers);
    numbers.slice(-count).forEach((bar, offset) => {
      const at = Math.max(numbers.length - count, 0) + offset;
      this.candles.update(candleOf(bar));
      this.volumes.update(volumeOf(bar));
      for (const line of lines) this.lineOf(line).update(pointOf(line, bar, at));
    });
  }

  markFills(fills: readonly FillMark[]): void {
    this.marks.setMarkers(
      fills.map(
        ({ id, openMs, side }): SeriesMarker<Time> => ({
          id,
          time: timeOf(openMs),
          position: side === "BUY" ? "belowBar" : "aboveBar",
          shape: side === "BUY" ? "arrowUp" : "arrowDown",
          color: side === "BUY" ? UP : DOWN,
        }),
      ),
    );
  }

  markOrders(orders: readonly OrderMark[]): void {
    for (const line of this.orderLines) this.candles.removePriceLine(line);
    this.orderLines = orders.map(({ price, title, side }) =>
      this.candles.createPriceLine({
        price: Number(price),
        title,
        color: side === "BUY" ? UP : DOWN,
        lineWidth: 1,
        lineStyle: LineStyle.Dashed,
        axisLabelVisible: true,
      }),
    );
  }

  showNewest(): void {
    this.chart.timeScale().resetTimeScale();
  }

  remove(): void {
    this.chart.remove();
  }

  private lineOf(line: DrawnLine): LineApi {
    const known = this.lines.get(line.id);
    if (known !== undefined) return known;
    const sibling = [...this.panes].find(([, pane]) => pane === line.pane)?.[0];
    const beside = sibling === undefined ? undefined : this.lines.get(sibling);
    const pane = line.pane === "PRICE" ? 0 : (beside?.getPane().paneIndex() ?? this.chart.panes().length);
    const options = {
      color: line.colour,
      title: line.title,
      lastValueVisible: line.pane !== "PRICE",
      priceLineVisible: false,
    };
    const made = line.isHistogram
      ? this.chart.addSeries(HistogramSeries, options, pane)
      : this.chart.addSeries(LineSeries, { ...options, lineWidth: 1 }, pane);
    this.chart.panes().forEach((each, at) => {
      each.setStretchFactor(at === 0 ? PRICE_PANE_SHARE : 1);
    });
    this.lines.set(line.id, made);
    this.panes.set(line.id, line.pane);
    return made;
  }

  private keepOnly(lines: readonly DrawnLine[]): void {
    const wanted = new Set(lines.map(({ id }) => id));
    for (const [id, line] of this.lines) {
      if (wanted.has(id)) continue;
      this.chart.removeSeries(line); // Its pane goes with the last one in it.
      this.lines.delete(id);
      this.panes.delete(id);
    }
  }
}

function timeOf(openMs: number): UTCTimestamp {
  return (openMs / 1_000) as UTCTimestamp;
}

interface Drawn extends BarNumbers {
  readonly time: UTCTimestamp;
  readonly open: number;
}

function numbersOf(bar: Bar): Drawn {
  return {
    time: timeOf(bar.openMs),
    openMs: bar.openMs,
    open: Number(bar.open),
    high: Number(bar.high),
    low: Number(bar.low),
    close: Number(bar.close),
    volume: Number(bar.volume),
  };
}

function candleOf({ time, open, high, low, close }: Drawn) {
  return { time, open, high, low, close };
}

function volumeOf({ time, open, close, volume }: Drawn) {
  return { time, value: volume, color: `${close >= open ? UP : DOWN}${VOLUME_OPACITY}` };
}

/** Where there is no value there is a gap. */
function pointOf(line: DrawnLine, bar: Drawn, at: number) {
  const value = line.values[at] ?? null;
  return value === null ? { time: bar.time } : { time: bar.time, value };
}

/** In the user's zone; the chart itself knows UTC alone. */
function shown(time: Time, format: Intl.DateTimeFormatOptions): string {
  return typeof time === "number"
    ? new Intl.DateTimeFormat(undefined, format).format(time * 1_000)
    : String(time);
}

const TICKS: readonly Intl.DateTimeFormatOptions[] = [
  { year: "numeric" },
  { month: "short" },
  { day: "numeric", month: "short" },
  // Short in every language: the axis cuts what is longer, and half past three without its PM is another time.
  { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
];

function tickOf(time: Time, kind: number): string {
  return shown(time, TICKS[kind] ?? {});
}
