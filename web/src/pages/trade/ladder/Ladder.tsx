import { VisuallyHidden } from "@mantine/core";
import type { CSSProperties } from "react";
import type { MarketView } from "../../../live/market";
import type { LiveOrder } from "../../../live/messages";
import { shownAmount } from "../../../ui/amounts";
import { Empty, Loading } from "../../../ui/states";
import sides from "../sides.module.css";
import styles from "./ladder.module.css";
import { type LadderRow, ladderOf, ownPrices, spreadOf } from "./rows";

const DEPTH = 14;

/** The book around its middle, asks above bids; a click on a price hands it on. */
export function Ladder({
  market,
  orders,
  onPrice,
}: {
  market: MarketView;
  orders: readonly LiveOrder[];
  onPrice: (price: string) => void;
}) {
  const { bids, asks, tickSize, lotSize } = market;
  if (market.state === "FAILED") return <Empty>{market.error}</Empty>;
  if (tickSize === null || lotSize === null) return <Loading lines={DEPTH} />;
  if (bids.length === 0 && asks.length === 0) return <Empty>Nobody bids or asks just now.</Empty>;
  const own = { bids: ownPrices(orders, "BUY", tickSize), asks: ownPrices(orders, "SELL", tickSize) };
  const ladder = ladderOf(bids, asks, DEPTH, lotSize, own);
  const spread = spreadOf(bids[0], asks[0], tickSize);
  return (
    <section className={styles.table} aria-label="Depth">
      <div className={styles.head} aria-hidden>
        <span />
        <span>Price</span>
        <span>Quantity</span>
        <span>Sum</span>
      </div>
      {ladder.asks.toReversed().map((row) => (
        <Row key={row.price} row={row} side="ask" onPrice={onPrice} />
      ))}
      <div className={styles.middle}>Spread {spread === null ? "–" : shownAmount(spread)}</div>
      {ladder.bids.map((row) => (
        <Row key={row.price} row={row} side="bid" onPrice={onPrice} />
      ))}
    </section>
  );
}

function Row({
  row,
  side,
  onPrice,
}: {
  row: LadderRow;
  side: "bid" | "ask";
  onPrice: (price: string) => void;
}) {
  return (
    <button
      type="button"
      className={`${styles.row} ${side === "bid" ? sides.upGround : sides.downGround}`}
      style={{ "--share": `${row.percent}%` } as CSSProperties}
      onClick={() => onPrice(row.price)}
    >
      <VisuallyHidden>
        {side === "bid" ? "Put into the ticket the bid" : "Put into the ticket the ask"}
      </VisuallyHidden>
      <span className={styles.own} title={row.isOwn ? "Your order" : undefined}>
        {row.isOwn ? "●" : ""}
      </span>
      <span className={side === "bid" ? sides.up : sides.down}>{shownAmount(row.price)}</span>
      <span>{shownAmount(row.quantity)}</span>
      <span>{shownAmount(row.cumulative)}</span>
    </button>
  );
}
