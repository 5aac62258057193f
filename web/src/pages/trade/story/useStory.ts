import { useQuery } from "@tanstack/react-query";
import { type Api, answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { useMay } from "../../../ui/useMe";
import { told } from "../orders/useOpenOrders";
import { isFinal, type Order } from "../orderWords";
import type { FeedEvent, ReservationView, Tellers } from "./story";

const LOOK_EVERY_MS = 6_000; // And with each word on the order.
const PAGE = 200;
const PAGES_MAX = 15;

export interface Told extends Tellers {
  /** There is more: what is left out came last. */
  readonly isCut: boolean;
}

/** All that is known of what happened to an order. */
export function useStory(order: Order) {
  const { api } = usePlatform();
  const mayLimits = useMay()("limits:read");
  return useQuery({
    queryKey: ["orders", "story", order.order_id, order.updated_at, mayLimits],
    queryFn: () => readStory(api, order, mayLimits),
    placeholderData: (before) => before,
    refetchInterval: isFinal(order.status) ? false : LOOK_EVERY_MS,
  });
}

async function readStory(api: Api, order: Order, mayLimits: boolean): Promise<Told> {
  const at = { params: { path: { order_id: order.order_id } } };
  const [saga, replaces, { events, isCut }, held, nodes] = await Promise.all([
    answerOf(api.GET("/orders/{order_id}/saga", at)),
    answerOf(api.GET("/orders/{order_id}/replaces", at)),
    eventsOf(api, order.order_id),
    mayLimits ? reservationOf(api, order.order_id) : null,
    mayLimits ? answerOf(api.GET("/limits/nodes")) : null,
  ]);
  const names = new Map((nodes?.items ?? []).map((node) => [node.node_id, node.name]));
  return { order, steps: saga.items, events, replaces: replaces.items, held, names, isCut };
}

async function reservationOf(api: Api, orderId: string): Promise<ReservationView | null> {
  const query = { order_id: orderId };
  return (await answerOf(api.GET("/limits/reservations", { params: { query } }))).items[0] ?? null;
}

async function eventsOf(api: Api, orderId: string): Promise<{ events: FeedEvent[]; isCut: boolean }> {
  const events: FeedEvent[] = [];
  let since = 0;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const query = told({ order_id: orderId, since, limit: PAGE });
    const page = await answerOf(api.GET("/events", { params: { query } }));
    events.push(...page.items);
    if (page.next_cursor === null) return { events, isCut: false };
    since = page.next_since;
  }
  return { events, isCut: true };
}
