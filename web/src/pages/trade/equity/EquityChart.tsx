import { Box, useComputedColorScheme } from "@mantine/core";
import { AreaSeries, ColorType, createChart, type IChartApi, type UTCTimestamp } from "lightweight-charts";
import { useEffect, useRef } from "react";
import type { CurvePoint } from "./curve";

const HEIGHT_PX = 420;
const MS_PER_S = 1_000;
const MS_PER_MIN = 60_000;
const SHOWN_PRICE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const COLOURS = {
  light: { text: "#495057", grid: "#e9ecef" },
  dark: { text: "#c9c9c9", grid: "#3b3b3b" },
} as const;

/** Equity above, and below it how far it is from its highest point. Numbers here are pixels: amounts stay exact elsewhere. */
export function EquityChart({ points, label }: { points: readonly CurvePoint[]; label: string }) {
  const element = useRef<HTMLElement>(null);
  const scheme = useComputedColorScheme("light");
  useEffect(() => {
    if (element.current === null) return;
    const chart = drawnIn(element.current, points, COLOURS[scheme]);
    return () => chart.remove();
  }, [points, scheme]);
  return <Box component="figure" ref={element} h={HEIGHT_PX} m={0} aria-label={label} />;
}

function drawnIn(
  element: HTMLElement,
  points: readonly CurvePoint[],
  colours: { readonly text: string; readonly grid: string },
): IChartApi {
  const chart = createChart(element, {
    autoSize: true,
    layout: {
      background: { type: ColorType.Solid, color: "transparent" },
      textColor: colours.text,
      panes: { separatorColor: colours.grid },
    },
    grid: { vertLines: { color: colours.grid }, horzLines: { color: colours.grid } },
    timeScale: { timeVisible: true, borderColor: colours.grid },
    rightPriceScale: { borderColor: colours.grid },
    localization: {
      priceFormatter: (price: number) => SHOWN_PRICE.format(price),
      timeFormatter: (time: number) =>
        new Date(time * MS_PER_S).toLocaleString(undefined, { timeZone: "UTC" }),
    },
  });
  const equity = chart.addSeries(AreaSeries, {
    lineColor: "#12b886",
    topColor: "rgba(18, 184, 134, 0.35)",
    bottomColor: "rgba(18, 184, 134, 0.02)",
    title: "Equity",
  });
  const drawdown = chart.addSeries(
    AreaSeries,
    {
      lineColor: "#fa5252",
      topColor: "rgba(250, 82, 82, 0.02)",
      bottomColor: "rgba(250, 82, 82, 0.35)",
      invertFilledArea: true,
      title: "Drawdown",
    },
    1,
  );
  equity.setData(points.map((point) => ({ time: secondsOf(point.at), value: Number(point.equity) })));
  drawdown.setData(points.map((point) => ({ time: secondsOf(point.at), value: Number(point.drawdown) })));
  chart.panes()[0]?.setStretchFactor(3);
  chart.panes()[1]?.setStretchFactor(1);
  chart.timeScale().fitContent();
  return chart;
}

/** The library draws times as UTC: moved by the zone it draws the user's own. */
function secondsOf(at: string): UTCTimestamp {
  const moment = new Date(at);
  const zoneMs = moment.getTimezoneOffset() * MS_PER_MIN;
  return Math.floor((moment.getTime() - zoneMs) / MS_PER_S) as UTCTimestamp;
}
