import { Button, Checkbox, Group, Menu, SegmentedControl, Select } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconChevronDown } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import { answerOf } from "../../api/client";
import { useAccountChannel, useMarket } from "../../live/hooks";
import type { LiveOrder } from "../../live/messages";
import { usePlatform } from "../../platform";
import { Loading } from "../../ui/states";
import { useAddress } from "../../ui/useAddress";
import { INDICATORS, readChoice } from "./chart/choices";
import { allFills } from "./chart/fillMarks";
import { INTERVALS, intervalOf } from "./chart/intervals";

/** Its code is large, and the rest of the page need not wait for it. */
const Chart = lazy(() => import("./chart/Chart"));

const FILLS_MARKED_MAX = 200;
const NEAR = ["1s", "1m", "5m", "15m", "1h", "1d"];

export function ChartPanel({
  symbol,
  accountId,
  orders,
}: {
  symbol: string;
  accountId?: string | undefined;
  orders: readonly LiveOrder[];
}) {
  const market = useMarket(symbol);
  const [intervalText, setInterval] = useAddress("interval", "1m");
  const [indicators, setIndicators] = useAddress("indicators", "sma");
  const interval = intervalOf(intervalText);
  const chosen = useMemo(() => readChoice(indicators), [indicators]);
  const fills = useFills(symbol, accountId);
  const isNarrow = useMediaQuery("(max-width: 48em)");
  return (
    <section aria-label="Chart">
      <Group justify="space-between" mb={4} gap="xs">
        {isNarrow ? (
          <Select
            aria-label="Interval"
            size="xs"
            w={90}
            data={INTERVALS}
            value={interval}
            allowDeselect={false}
            onChange={(value) => value !== null && setInterval(value)}
          />
        ) : (
          <Group gap="xs">
            <SegmentedControl
              aria-label="Interval"
              size="xs"
              data={NEAR}
              value={interval}
              onChange={setInterval}
            />
            <Select
              aria-label="Other intervals"
              size="xs"
              w={84}
              placeholder="Others"
              data={INTERVALS.filter((each) => !NEAR.includes(each))}
              value={NEAR.includes(interval) ? null : interval}
              onChange={(value) => value !== null && setInterval(value)}
            />
          </Group>
        )}
        <Menu closeOnItemClick={false} position="bottom-end">
          <Menu.Target>
            <Button size="compact-sm" variant="default" rightSection={<IconChevronDown size={14} />}>
              Indicators
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Checkbox.Group
              aria-label="Indicators"
              value={[...chosen]}
              onChange={(values) => setIndicators(values.length === 0 ? "none" : values.join(","))}
              p="xs"
            >
              {INDICATORS.map(({ id, name }) => (
                <Checkbox key={id} value={id} label={name} my={6} />
              ))}
            </Checkbox.Group>
          </Menu.Dropdown>
        </Menu>
      </Group>
      <Suspense fallback={<Loading lines={10} />}>
        <Chart market={market} interval={interval} chosen={chosen} fills={fills} orders={orders} />
      </Suspense>
    </section>
  );
}

function useFills(symbol: string, accountId: string | undefined) {
  const { api } = usePlatform();
  const { fills: heard } = useAccountChannel("orders", accountId);
  const query = {
    symbol,
    limit: FILLS_MARKED_MAX,
    ...(accountId === undefined ? {} : { account_id: accountId }),
  };
  const read = useQuery({
    queryKey: ["trades", "chart", query],
    queryFn: () => answerOf(api.GET("/trades", { params: { query } })),
  });
  const items = read.data?.items;
  return useMemo(() => allFills(items ?? [], heard, symbol), [items, heard, symbol]);
}
