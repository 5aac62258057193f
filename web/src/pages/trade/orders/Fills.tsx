import { Anchor, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { shownAmount } from "../../../ui/amounts";
import { type Column, DataTable } from "../../../ui/DataTable";
import { Pages } from "../../../ui/Pages";
import { shownTime } from "../../../ui/times";
import { Profit } from "../Profit";
import { SideWord } from "./columns";
import { told } from "./useOpenOrders";

type Trade = components["schemas"]["Trade"];

const LOOK_EVERY_MS = 3_000;

/** What has traded, newest first. */
export function Fills({
  symbol,
  accountName,
}: {
  symbol: string | null;
  accountName: ((accountId: string) => string) | null;
}) {
  const { api } = usePlatform();
  const query = useInfiniteQuery({
    queryKey: ["trades", "list", symbol],
    queryFn: ({ pageParam }) =>
      answerOf(api.GET("/trades", { params: { query: told({ symbol, cursor: pageParam }) } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: LOOK_EVERY_MS,
  });
  const account: Column<Trade> = { name: "Account", show: (trade) => accountName?.(trade.account_id) ?? "" };
  return (
    <Pages query={query}>
      {(trades) => (
        <DataTable
          label="Fills"
          rows={trades}
          keyOf={(trade) => trade.trade_id}
          minWidth={860}
          empty={symbol === null ? "Nothing has filled yet." : `Nothing has filled in ${symbol} yet.`}
          columns={[
            {
              name: "Time",
              show: (trade) => (
                <Anchor component={Link} to={`/orders/${trade.order_id}`} size="sm">
                  {shownTime(trade.transact_time)}
                </Anchor>
              ),
            },
            ...(accountName === null ? [] : [account]),
            { name: "Symbol", show: (trade) => trade.symbol },
            { name: "Side", show: (trade) => <SideWord side={trade.side} /> },
            { name: "Quantity", isNumber: true, show: (trade) => shownAmount(trade.last_qty) },
            { name: "Price", isNumber: true, show: (trade) => shownAmount(trade.last_px) },
            {
              name: "Fee",
              isNumber: true,
              show: (trade) => `${shownAmount(trade.fee)} ${trade.fee_currency}`,
            },
            { name: "Realised", isNumber: true, show: (trade) => <Profit amount={trade.realised_pnl} /> },
            {
              name: "Where",
              show: (trade) => (
                <Text span size="sm">
                  {trade.venue}{" "}
                  <Text span size="xs" c="dimmed">
                    {trade.liquidity.toLowerCase()}
                  </Text>
                </Text>
              ),
            },
          ]}
        />
      )}
    </Pages>
  );
}
