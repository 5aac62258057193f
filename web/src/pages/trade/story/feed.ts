/** The events of one order, found in its account's feed: the API lists a feed by sequence alone. */
import type { components } from "../../../api/schema";

export type FeedEvent = components["schemas"]["FeedEvent"];

/** The events of the account after a sequence, at most so many. */
export type ReadFeed = (since: number, limit: number) => Promise<readonly FeedEvent[]>;

export interface OrdersEvents {
  readonly events: readonly FeedEvent[];
  /** There may be more: the account had more events meanwhile than are read at once. */
  readonly isCut: boolean;
}

const PAGE = 200;
const PAGES_MAX = 15;
const FIRST_STEP = 512;
/** Events of several writers stand in the feed in the order of their commits, which may differ from their times. */
const MARGIN_MS = 5_000;

/** `end`: when the order's last event was at the latest; null while it lives. */
export async function eventsOf(
  orderId: string,
  begin: string,
  end: string | null,
  read: ReadFeed,
): Promise<OrdersEvents> {
  const last = end === null ? Number.POSITIVE_INFINITY : Date.parse(end) + MARGIN_MS;
  let since = await sequenceBefore(Date.parse(begin) - MARGIN_MS, read);
  const events: FeedEvent[] = [];
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const page = await read(since, PAGE);
    events.push(...page.filter((event) => isOf(event, orderId)));
    const newest = page.at(-1);
    if (newest === undefined || page.length < PAGE || Date.parse(newest.occurred_at) > last) {
      return { events, isCut: false };
    }
    since = newest.sequence;
  }
  return { events, isCut: true };
}

/** A sequence all up to which is older than `moment`, found by halving: a feed may have millions. */
export async function sequenceBefore(moment: number, read: ReadFeed): Promise<number> {
  const isOlder = async (since: number): Promise<boolean> => {
    const [next] = await read(since, 1);
    return next !== undefined && Date.parse(next.occurred_at) < moment;
  };
  if (!(await isOlder(0))) return 0;
  let low = 0;
  let high = FIRST_STEP;
  while (await isOlder(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > PAGE) {
    const middle = Math.floor((low + high) / 2);
    if (await isOlder(middle)) low = middle;
    else high = middle;
  }
  return low;
}

function isOf(event: FeedEvent, orderId: string): boolean {
  const { payload } = event;
  const order = payload.order as { order_id?: unknown } | undefined;
  return [event.aggregate_id, payload.order_id, payload.parent_order_id, order?.order_id].includes(orderId);
}
