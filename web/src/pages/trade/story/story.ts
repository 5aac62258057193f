/** What happened to an order, from all that tells of it, in one line of time. */
import type { components } from "../../../api/schema";
import { shownAmount } from "../../../ui/amounts";
import { type Order, statusWords } from "../orderWords";
import { titleOf } from "../ticket/refusals";
import { assetsOf, type Finding, sentenceOf } from "../ticket/verdicts";
import { heldAt, heldWords, isHeld, type ReservationView } from "./reservation";

export type { ReservationView };
export type FeedEvent = components["schemas"]["FeedEvent"];
type SagaStep = components["schemas"]["SagaStep"];
type Replace = components["schemas"]["Replace"];

export type Teller = "YOU" | "SAGA" | "EXCHANGE" | "LIMITS" | "ROUTER";

export interface Chapter {
  readonly key: string;
  readonly at: string;
  readonly teller: Teller;
  readonly title: string;
  readonly detail: string | null;
  /** How long the step itself took. */
  readonly tookMs: number | null;
  readonly tone: "PLAIN" | "GOOD" | "BAD" | "WAITS";
}

const LIMIT_BREACHED = "limits.LimitBreached.v1";
const ORDER_PLACED = "orders.OrderPlaced.v1";
const ORDER_REFUSED = "orders.OrderRefused.v1";

const STEP_WORDS: Readonly<Record<string, string>> = {
  reserve_limits: "Limits asked, and what it may use reserved",
  submit_order: "Sent to the exchange",
  confirm_order: "Booked as the exchange answered",
  release_limits: "What was reserved is given back",
  mark_unknown: "Marked as not known: the platform asks on",
};
const OUTCOME_TONES: Readonly<Record<string, Chapter["tone"]>> = {
  DONE: "GOOD",
  REJECTED: "BAD",
  UNAVAILABLE: "WAITS",
};

export interface Tellers {
  readonly order: Order;
  readonly steps: readonly SagaStep[];
  readonly events: readonly FeedEvent[];
  readonly replaces: readonly Replace[];
  /** Null where nothing was reserved, and for whoever does not see limits. */
  readonly held: ReservationView | null;
  /** Of the nodes that it is held at, by their ids. */
  readonly names: ReadonlyMap<string, string>;
}

/** Oldest first. */
export function storyOf({ order, steps, events, replaces, held, names }: Tellers): readonly Chapter[] {
  // Where limits say themselves why they refused, the order's own word adds nothing.
  const isExplained = events.some(
    (event) => event.topic === LIMIT_BREACHED && event.payload.action !== "WARN",
  );
  const told = events
    .filter((event) => !(isExplained && event.topic === ORDER_REFUSED))
    // The reservation itself says more than that it was made.
    .filter((event) => !(held !== null && event.topic === ORDER_PLACED));
  const chapters = [
    received(order),
    ...steps.map((step, index) => ofStep(step, index)),
    ...told.flatMap((event) => ofEvent(event, order)),
    ...replaces.map(asked),
    ...(held === null ? [] : ofReservation(held, names, order)),
  ];
  return chapters
    .map((chapter, index) => ({ chapter, index }))
    .sort((one, other) => compareMoments(one.chapter.at, other.chapter.at) || one.index - other.index)
    .map(({ chapter }) => chapter);
}

/** By the microsecond, which a Date would forget. */
export function compareMoments(one: string, other: string): number {
  const padded = (at: string) =>
    at.replace(/(\.\d+)?Z$/, (fraction) => (fraction.replace("Z", "") || ".").padEnd(10, "0"));
  const [left, right] = [padded(one), padded(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** From one moment to another, "12.3 ms" or "4.2 s" or "3 min". */
export function between(one: string, other: string): string {
  return spanOf(microseconds(other) - microseconds(one));
}

export function spanOf(us: number): string {
  if (us < 1) return "0 s";
  if (us < 1_000) return `${Math.max(0, Math.round(us))} µs`;
  if (us < 1_000_000) return `${(us / 1_000).toFixed(us < 10_000 ? 1 : 0)} ms`;
  if (us < 120_000_000) return `${(us / 1_000_000).toFixed(1)} s`;
  if (us < 7_200_000_000) return `${Math.round(us / 60_000_000)} min`;
  return `${Math.round(us / 3_600_000_000)} h`;
}

function microseconds(at: string): number {
  const fraction = /\.(\d+)Z$/.exec(at)?.[1] ?? "";
  return Math.floor(Date.parse(at) / 1_000) * 1_000_000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

function received(order: Order): Chapter {
  const price = order.price === null ? "at market" : `at ${shownAmount(order.price)}`;
  const terms = `${order.side === "BUY" ? "Buy" : "Sell"} ${shownAmount(order.quantity)} ${order.symbol} ${price}`;
  return plain("received", order.created_at, "YOU", "Order received", terms);
}

function ofStep(step: SagaStep, index: number): Chapter {
  const words = STEP_WORDS[step.step] ?? step.step.replaceAll("_", " ");
  const isBad = step.outcome === "REJECTED";
  const detail =
    step.outcome === "DONE" ? null : isBad ? titleOf(step.detail ?? "") : (step.detail ?? "No answer");
  return {
    key: `step-${index}`,
    at: step.started_at,
    teller: "SAGA",
    title: step.outcome === "DONE" ? words : isBad ? `${words}: refused` : `${words}: no answer`,
    detail,
    tookMs: step.took_ms,
    tone: OUTCOME_TONES[step.outcome] ?? "PLAIN",
  };
}

/** As it stands now: after a change of the order it is for the quantity that was asked for last. */
function ofReservation(
  held: ReservationView,
  names: ReadonlyMap<string, string>,
  { symbol }: Order,
): Chapter[] {
  const words = `${heldWords(held, held.quantity, symbol)}, at ${heldAt(held, names)}`;
  const made = plain("held", held.created_at, "LIMITS", "Reserved: it may trade up to this", words);
  const over = plain("given-back", held.updated_at, "LIMITS", "What it held of limits is given back", null);
  return isHeld(held) ? [{ ...made, tone: "GOOD" }] : [{ ...made, tone: "GOOD" }, over];
}

function asked(replace: Replace): Chapter {
  const wanted = [
    replace.quantity === null ? null : `quantity ${shownAmount(replace.quantity)}`,
    replace.price === null ? null : `price ${shownAmount(replace.price)}`,
  ].filter((text) => text !== null);
  const refused = replace.reject_reason === null ? "" : `: refused, ${replace.reject_reason}`;
  return {
    ...plain(
      `replace-${replace.replace_no}`,
      replace.requested_at,
      "YOU",
      `Change ${replace.replace_no} asked for`,
      "",
    ),
    detail: `${wanted.join(", ")}, by ${replace.requested_by}${refused}`,
    tone: replace.state === "REJECTED" ? "BAD" : replace.state === "PENDING" ? "WAITS" : "PLAIN",
  };
}

function plain(key: string, at: string, teller: Teller, title: string, detail: string | null): Chapter {
  return { key, at, teller, title, detail, tookMs: null, tone: "PLAIN" };
}

type Payload = Record<string, string | null | undefined> & {
  order?: Partial<Order> & { reject_code?: string | null };
};

function ofEvent(event: FeedEvent, { symbol }: Order): Chapter[] {
  const payload = event.payload as Payload;
  const told = payload.order ?? {};
  const { base } = assetsOf(symbol);
  const chapter = (teller: Teller, title: string, detail: string | null, tone: Chapter["tone"] = "PLAIN") => [
    { ...plain(event.event_id, event.occurred_at, teller, title, detail), tone },
  ];
  const fill = `${shownAmount(payload.last_qty ?? "")} ${base} at ${shownAmount(payload.last_px ?? "")}`;
  const isLast = told.leaves_qty !== undefined && !/[1-9]/.test(told.leaves_qty);
  switch (event.topic) {
    case ORDER_PLACED:
      return chapter("LIMITS", "Reserved: it may trade up to this", null, "GOOD");
    case "orders.OrderLeased.v1":
      return chapter("EXCHANGE", "Taken by the engine, within a lease", null, "GOOD");
    case "orders.OrderAccepted.v1":
      return chapter("EXCHANGE", "Accepted by the exchange", `at ${told.venue ?? ""}`, "GOOD");
    case ORDER_REFUSED:
    case "orders.OrderRejected.v1":
      return chapter("EXCHANGE", titleOf(told.reject_code ?? ""), told.reject_reason ?? null, "BAD");
    case "orders.OrderCanceled.v1":
      return chapter("EXCHANGE", "Cancelled", ended(told, base));
    case "orders.OrderExpired.v1":
      return chapter("EXCHANGE", "Expired", ended(told, base));
    case "orders.OrderReplaced.v1":
      return chapter(
        "EXCHANGE",
        "Changed",
        `${shownAmount(told.quantity ?? "")} at ${shownAmount(told.price ?? "")}`,
        "GOOD",
      );
    case "orders.OrderRestated.v1":
      return chapter(
        "EXCHANGE",
        "Made smaller: it met an order of your own firm",
        `by ${shownAmount(payload.reduced_qty ?? "")}, to ${shownAmount(told.quantity ?? "")} ${base}`,
      );
    case "orders.OrderReplaceRejected.v1":
      return chapter("EXCHANGE", "The change was refused", payload.reason ?? null, "BAD");
    case "trades.TradeExecuted.v1": {
      const fee = `fee ${shownAmount(payload.fee ?? "0")} ${payload.fee_currency ?? ""}`;
      return chapter("EXCHANGE", isLast ? "Filled" : "Partly filled", `${fill}, ${fee}`, "GOOD");
    }
    case LIMIT_BREACHED: {
      const finding = { ...payload, largest_passing_quantity: null, missing: null } as unknown as Finding;
      const isRefusal = payload.action !== "WARN";
      return isRefusal
        ? chapter("LIMITS", "A limit refused it", sentenceOf(finding, assetsOf(symbol)), "BAD")
        : chapter(
            "LIMITS",
            `${payload.node_name ?? ""} reached a threshold`,
            `${payload.limit_type ?? ""}`,
            "WAITS",
          );
    }
    case "orders.ChildOrderChanged.v1":
      return chapter(
        "ROUTER",
        `Child at ${told.venue ?? ""}: ${told.status ? statusWords(told.status).toLowerCase() : ""}`,
        childTerms(told, base),
      );
    case "orders.ChildOrderFilled.v1":
      return chapter("ROUTER", `Child at ${told.venue ?? ""} filled`, fill);
    case "orders.ExecutionMeasured.v1":
      return payload.ended_at_ns === null || payload.ended_at_ns === undefined
        ? chapter("ROUTER", "The router begins", market("the market's middle is", payload.arrival_px))
        : chapter("ROUTER", "The router is done", market("meanwhile the market traded at", payload.vwap_px));
    default:
      // What reached the alerts and the webhooks tells nothing of the order itself.
      return event.topic.startsWith("alerts.") || event.topic.startsWith("webhooks.")
        ? []
        : chapter("EXCHANGE", event.topic, null);
  }
}

function market(words: string, price: string | null | undefined): string | null {
  return price === null || price === undefined ? null : `${words} ${shownAmount(price)}`;
}

function childTerms(told: Partial<Order>, base: string): string {
  const price = told.price === null || told.price === undefined ? "market" : shownAmount(told.price);
  return `${shownAmount(told.quantity ?? "")} ${base} at ${price}`;
}

function ended(told: Partial<Order> & { reject_code?: string | null }, base: string): string {
  const filled = `${shownAmount(told.cum_qty ?? "0")} ${base} filled`;
  return told.reject_code ? `${titleOf(told.reject_code)}; ${filled}` : filled;
}
