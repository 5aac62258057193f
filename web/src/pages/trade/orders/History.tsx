import { useInfiniteQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import { useAccountChannel } from "../../../live/hooks";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { Pages } from "../../../ui/Pages";
import type { OrdStatus } from "../orderWords";
import { orderColumns } from "./columns";
import { mergedOrders } from "./merge";
import { told } from "./useOpenOrders";

const LOOK_EVERY_MS = 5_000;

/** Every order, newest first. `status` and `symbol`: null for all. */
export function History({
  symbol,
  status,
  accountName,
}: {
  symbol: string | null;
  status: OrdStatus | null;
  accountName: ((accountId: string) => string) | null;
}) {
  const { api } = usePlatform();
  const { items: live } = useAccountChannel("orders");
  const query = useInfiniteQuery({
    queryKey: ["orders", "history", symbol, status],
    queryFn: ({ pageParam }) =>
      answerOf(api.GET("/orders", { params: { query: told({ symbol, status, cursor: pageParam }) } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: LOOK_EVERY_MS,
  });
  return (
    <Pages query={query}>
      {(orders) => (
        <DataTable
          label="Orders"
          rows={mergedOrders(orders, live)}
          keyOf={(order) => order.order_id}
          minWidth={860}
          empty={symbol === null && status === null ? "No orders yet." : "No order is as chosen."}
          columns={orderColumns(accountName)}
        />
      )}
    </Pages>
  );
}
