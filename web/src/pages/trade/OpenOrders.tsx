import { Group, Stack, Text } from "@mantine/core";
import { DataTable } from "../../ui/DataTable";
import { Failed, Loading } from "../../ui/states";
import { CancelAll } from "./orders/CancelAll";
import { orderColumns } from "./orders/columns";
import { OrderActions } from "./orders/OrderActions";
import { useOpenOrders } from "./orders/useOpenOrders";
import { useAccountNames, useAccounts } from "./reads";

/** What may still trade, of all symbols or of one, live, to be changed and cancelled. */
export function OpenOrders({ symbol }: { symbol?: string }) {
  const { query, orders, isCut } = useOpenOrders(symbol === undefined ? {} : { symbol });
  const accountName = useAccountNames();
  const hasAccounts = (useAccounts().data?.items.length ?? 0) > 1;
  return (
    <Stack gap="xs">
      {query.error !== null && (
        <Failed error={query.error} tryAgain={() => void query.refetch()} isTrying={query.isFetching} />
      )}
      {orders === undefined ? (
        query.error === null && <Loading />
      ) : (
        <>
          {orders.length > 0 && (
            <Group justify="space-between">
              <Text size="sm" c="dimmed" aria-live="polite">
                {orders.length} open
                {isCut && ", and more: choose a symbol to see them"}
              </Text>
              <CancelAll orders={orders} symbol={symbol} />
            </Group>
          )}
          <DataTable
            label="Open orders"
            rows={orders}
            keyOf={(order) => order.order_id}
            minWidth={860}
            empty={symbol === undefined ? "No order is open." : `No order in ${symbol} is open.`}
            columns={[
              ...orderColumns(hasAccounts ? accountName : null),
              { name: "", show: (order) => <OrderActions order={order} /> },
            ]}
          />
        </>
      )}
    </Stack>
  );
}
