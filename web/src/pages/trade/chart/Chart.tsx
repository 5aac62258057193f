import { Box, Group, Text, useComputedColorScheme } from "@mantine/core";
import { useEffect, useMemo, useRef, useState } from "react";
import type { MarketView } from "../../../live/market";
import type { LiveOrder } from "../../../live/messages";
import { shownAmount } from "../../../ui/amounts";
import { Failed, Loading } from "../../../ui/states";
import type { Bar } from "./bars";
import type { IndicatorId } from "./choices";
import { Drawing } from "./drawing";
import { type Fill, fillMarks } from "./fillMarks";
import type { Interval } from "./intervals";
import { useBars } from "./useBars";

/** Candles with volume, the chosen indicators, one's own fills and open orders; live. */
export default function Chart({
  market,
  interval,
  chosen,
  fills,
  orders,
}: {
  market: MarketView;
  interval: Interval;
  chosen: readonly IndicatorId[];
  fills: readonly Fill[];
  orders: readonly LiveOrder[];
}) {
  const element = useRef<HTMLElement>(null);
  const [drawing, setDrawing] = useState<Drawing | null>(null);
  const [pointedAt, setPointedAt] = useState<number | null>(null);
  const isDark = useComputedColorScheme() === "dark";
  const { series, error } = useBars(market, interval);
  const { tickSize, trades } = market;

  useEffect(() => {
    if (element.current === null) return;
    const made = new Drawing(element.current, setPointedAt);
    setDrawing(made);
    return () => {
      setDrawing(null);
      made.remove();
    };
  }, []);
  useEffect(() => drawing?.paint(isDark), [drawing, isDark]);
  useEffect(() => {
    if (tickSize !== null) drawing?.configure(tickSize, interval === "1s");
  }, [drawing, tickSize, interval]);

  const drawn = useRef<unknown>(null);
  useEffect(() => {
    if (drawing === null || series === null) return;
    const count = series.take(trades);
    const isSame =
      drawn.current === series && lastChosen.current === chosen && lastDrawing.current === drawing;
    if (isSame) {
      if (count > 0) drawing.update(series.list(), count, chosen);
      return;
    }
    drawing.begin(series.list(), chosen);
    if (drawn.current !== series) drawing.showNewest();
    drawn.current = series;
    lastChosen.current = chosen;
    lastDrawing.current = drawing;
  });
  const lastChosen = useRef<readonly IndicatorId[] | null>(null);
  const lastDrawing = useRef<Drawing | null>(null);

  const firstMs = series?.list()[0]?.openMs ?? null;
  const marks = useMemo(
    () => (firstMs === null ? [] : fillMarks(fills, interval, firstMs)),
    [fills, interval, firstMs],
  );
  useEffect(() => drawing?.markFills(marks), [drawing, marks]);
  useEffect(() => {
    drawing?.markOrders(
      orders.flatMap(({ order_id, side, price, leaves_qty }) =>
        price === null ? [] : [{ id: order_id, side, price, title: `${side} ${shownAmount(leaves_qty)}` }],
      ),
    );
  }, [drawing, orders]);

  const bars = series?.list() ?? [];
  const shown = bars.findLast((bar) => bar.openMs === pointedAt) ?? bars.at(-1);
  return (
    <Box>
      {error !== null && <Failed error={error} />}
      <Legend bar={shown} />
      <Box pos="relative" h={{ base: 320, md: 460 }}>
        <figure
          ref={element}
          style={{ position: "absolute", inset: 0, margin: 0 }}
          aria-label={`Candles of ${market.symbol}`}
        />
        {series === null && error === null && <Loading />}
      </Box>
    </Box>
  );
}

function Legend({ bar }: { bar: Bar | undefined }) {
  const figures = [
    ["O", bar?.open],
    ["H", bar?.high],
    ["L", bar?.low],
    ["C", bar?.close],
    ["Volume", bar?.volume],
  ] as const;
  return (
    <Group gap="xs" mih={20} aria-label="The bar">
      {figures.map(([name, amount]) => (
        <Text key={name} size="xs" c="dimmed" style={{ fontVariantNumeric: "tabular-nums" }}>
          {name}{" "}
          <Text span c="var(--mantine-color-text)">
            {amount === undefined ? "–" : shownAmount(amount)}
          </Text>
        </Text>
      ))}
    </Group>
  );
}
