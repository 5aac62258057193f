import { Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { shownAmount } from "../../../ui/amounts";
import { DataTable } from "../../../ui/DataTable";
import { Found } from "../../../ui/states";
import { isFinal, type Order, statusWords } from "../orderWords";

type Benchmark = components["schemas"]["Benchmark"];

const LOOK_EVERY_MS = 3_000;
const BENCHMARKS: Readonly<Record<Benchmark, string>> = {
  ARRIVAL: "The market's middle when it began",
  ARRIVAL_COST: "All of it taken then",
  VWAP: "What the market traded at meanwhile",
};

/** Of an order that the router works: what it cost against the market, and its children. */
export function Execution({ order }: { order: Order }) {
  const { api } = usePlatform();
  const found = useQuery({
    queryKey: ["orders", "execution", order.order_id],
    queryFn: () =>
      answerOf(api.GET("/orders/{order_id}/execution", { params: { path: { order_id: order.order_id } } })),
    refetchInterval: isFinal(order.status) ? false : LOOK_EVERY_MS,
  });
  return (
    <Found query={found}>
      {(report) => (
        <Stack gap="xs">
          <DataTable
            label="Cost against the market"
            rows={report.benchmarks}
            keyOf={(each) => each.benchmark}
            empty="Nothing to compare with yet."
            minWidth={420}
            columns={[
              { name: "Against", show: (each) => BENCHMARKS[each.benchmark] },
              {
                name: "Price",
                isNumber: true,
                show: (each) => (each.price === null ? "not known" : shownAmount(each.price)),
              },
              {
                name: "Worse by, in basis points",
                isNumber: true,
                show: (each) => (each.slippage_bps === null ? "–" : shownAmount(each.slippage_bps)),
              },
            ]}
          />
          <DataTable
            label="Child orders"
            rows={report.children}
            keyOf={(each) => each.order_id}
            empty="No child order yet."
            minWidth={560}
            columns={[
              { name: "Venue", show: (each) => each.venue },
              { name: "Quantity", isNumber: true, show: (each) => shownAmount(each.quantity) },
              {
                name: "Price",
                isNumber: true,
                show: (each) => (each.price === null ? "market" : shownAmount(each.price)),
              },
              { name: "Filled", isNumber: true, show: (each) => shownAmount(each.cum_qty) },
              {
                name: "Status",
                show: (each) =>
                  `${statusWords(each.status)}${each.reject_reason === null ? "" : `: ${each.reject_reason}`}`,
              },
            ]}
          />
          {report.children_cut && (
            <Text size="xs" c="dimmed">
              There are older ones than these {report.children.length}.
            </Text>
          )}
        </Stack>
      )}
    </Found>
  );
}
