import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Api, answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { shownAmount } from "../../../ui/amounts";
import { Found } from "../../../ui/states";
import { useMay } from "../../../ui/useMe";
import { told } from "../orders/useOpenOrders";
import { isFinal, type Order } from "../orderWords";
import { assetsOf } from "../ticket/verdicts";

type ReservationView = components["schemas"]["ReservationView"];
type TreeNode = components["schemas"]["LimitTreeNode"];

const LOOK_EVERY_MS = 3_000;
const PAGES_MAX = 5;
const PAGE = 200;

/** What the order holds of limits while it may still trade. */
export function Reservation({ order }: { order: Order }) {
  const { api } = usePlatform();
  const isAsked = useMay()("limits:read") && !isFinal(order.status);
  const found = useQuery({
    queryKey: ["orders", "reservation", order.order_id],
    queryFn: () => reservationOf(api, order.order_id),
    enabled: isAsked,
    refetchInterval: LOOK_EVERY_MS,
  });
  const tree = useQuery({
    queryKey: ["limits", "tree", null],
    queryFn: () => answerOf(api.GET("/limits/tree")),
    enabled: isAsked,
    staleTime: 60_000,
  });
  if (isFinal(order.status)) {
    return (
      <Text size="sm" c="dimmed">
        Nothing: it has ended, and what it held is given back.
      </Text>
    );
  }
  if (!isAsked) return null;
  const names = namesIn(tree.data?.items ?? []);
  const { base, quote } = assetsOf(order.symbol);
  return (
    <Found query={found}>
      {(held) =>
        held === null ? (
          <Text size="sm" c="dimmed">
            Nothing that is listed.
          </Text>
        ) : (
          <Text size="sm">
            {shownAmount(held.open_qty)} {base} at {shownAmount(held.valuation_price)} at most, together{" "}
            {shownAmount(held.open_notional)} {quote}, held at{" "}
            {held.node_ids.map((nodeId) => names.get(nodeId) ?? nodeId.slice(0, 8)).join(", ")}.
          </Text>
        )
      }
    </Found>
  );
}

/** The API lists them newest first, for nodes and not for orders. */
async function reservationOf(api: Api, orderId: string): Promise<ReservationView | null> {
  let cursor: string | null = null;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const query = told({ cursor, limit: PAGE });
    const page: components["schemas"]["ReservationPage"] = await answerOf(
      api.GET("/limits/reservations", { params: { query } }),
    );
    const found = page.items.find((each) => each.order_id === orderId);
    if (found !== undefined) return found;
    cursor = page.next_cursor;
    if (cursor === null) return null;
  }
  return null;
}

function namesIn(nodes: readonly TreeNode[]): Map<string, string> {
  const names = new Map<string, string>();
  const visit = (node: TreeNode) => {
    names.set(node.node_id, node.name);
    for (const child of node.children ?? []) visit(child);
  };
  for (const node of nodes) visit(node);
  return names;
}
