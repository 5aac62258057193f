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

/** All that is known of what happened to an order; what is reserved for it comes when it does. */
export function useStory(order: Order) {
  const { api } = usePlatform();
  const reservation = useReservation(order);
  return useQuery({
    queryKey: ["orders", "story", order.order_id, order.updated_at],
    queryFn: () => readStory(api, order),
    placeholderData: (before) => before,
    refetchInterval: lookEvery(order),
    select: (story): Told => ({ ...story, ...(reservation.data ?? NOT_KNOWN) }),
  });
}

/** Null for whoever does not see limits. */
export function useReservation(order: Order) {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["orders", "reservation", order.order_id, order.updated_at],
    queryFn: () => readReservation(api, order.order_id),
    placeholderData: (before) => before,
    refetchInterval: lookEvery(order),
    enabled: useMay()("limits:read"),
  });
}

const NOT_KNOWN = { held: null, names: new Map<string, string>() };

function lookEvery(order: Order): number | false {
  return isFinal(order.status) ? false : LOOK_EVERY_MS;
}

async function readStory(api: Api, order: Order) {
  const at = { params: { path: { order_id: order.order_id } } };
  const [saga, replaces, told] = await Promise.all([
    answerOf(api.GET("/orders/{order_id}/saga", at)),
    answerOf(api.GET("/orders/{order_id}/replaces", at)),
    eventsOf(api, order.order_id),
  ]);
  return { order, steps: saga.items, replaces: replaces.items, ...told };
}

async function readReservation(api: Api, orderId: string): Promise<Pick<Tellers, "held" | "names">> {
  const [held, nodes] = await Promise.all([reservationOf(api, orderId), answerOf(api.GET("/limits/nodes"))]);
  return { held, names: new Map(nodes.items.map((node) => [node.node_id, node.name])) };
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
