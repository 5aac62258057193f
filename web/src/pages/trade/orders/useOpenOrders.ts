import { useQuery } from "@tanstack/react-query";
import { type Api, answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { useAccountChannel, useConnection } from "../../../live/hooks";
import { usePlatform } from "../../../platform";
import { isFinal, type Order } from "../orderWords";
import { mergedOrders } from "./merge";

type OrderPage = components["schemas"]["OrderPage"];

const PAGE = 200;
const PAGES_MAX = 5;
const LOOK_EVERY_MS = 2_000; // While nothing is told live.
const COMPARE_EVERY_MS = 30_000;

/** Those that may still trade, newest first: read once, then kept up to date by what is told live. */
export function useOpenOrders({ symbol, accountId }: { symbol?: string; accountId?: string }) {
  const { api } = usePlatform();
  const channel = useAccountChannel("orders", accountId);
  const isLive = useConnection().kind === "LIVE" && channel.state === "READY";
  const query = useQuery({
    queryKey: ["orders", "open", accountId ?? null, symbol ?? null],
    queryFn: () => openOrders(api, symbol, accountId),
    refetchInterval: isLive ? COMPARE_EVERY_MS : LOOK_EVERY_MS,
  });
  const orders =
    query.data &&
    mergedOrders(
      query.data.orders,
      channel.items,
      (order) =>
        !isFinal(order.status) &&
        (symbol === undefined || order.symbol === symbol) &&
        (accountId === undefined || order.account_id === accountId),
    ).filter((order) => !isFinal(order.status));
  return { query, orders, isLive, isCut: query.data?.isCut ?? false };
}

async function openOrders(
  api: Api,
  symbol: string | undefined,
  accountId: string | undefined,
): Promise<{ orders: readonly Order[]; isCut: boolean }> {
  const orders: Order[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const wanted = { open_only: true, limit: PAGE, symbol: symbol ?? null, account_id: accountId ?? null };
    const query = told({ ...wanted, cursor });
    const page: OrderPage = await answerOf(api.GET("/orders", { params: { query } }));
    orders.push(...page.items);
    cursor = page.next_cursor;
    if (cursor === null) break;
  }
  return { orders, isCut: cursor !== null };
}

/** Without what is null: an address would say "null". */
export function told<Query extends object>(query: Query): Query {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== null)) as Query;
}
