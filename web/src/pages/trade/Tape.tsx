import type { MarketView } from "../../live/market";
import { shownAmount } from "../../ui/amounts";
import { Empty, Loading } from "../../ui/states";
import sides from "./sides.module.css";
import styles from "./tape.module.css";

const SHOWN = 40;
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** Trades of the market, the newest first; the side is that of whoever took. */
export function Tape({ market }: { market: MarketView }) {
  const { trades } = market;
  if (market.state === "FAILED") return <Empty>{market.error}</Empty>;
  if (market.state === "LOADING") return <Loading lines={8} />;
  if (trades.length === 0) return <Empty>Nothing traded yet.</Empty>;
  return (
    <table className={styles.tape} aria-label="Trades of the market">
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Side</th>
          <th scope="col">Price</th>
          <th scope="col">Quantity</th>
        </tr>
      </thead>
      <tbody>
        {trades
          .slice(-SHOWN)
          .toReversed()
          .map((trade) => (
            <tr key={trade.trade_id}>
              <td>{CLOCK.format(Date.parse(trade.at))}</td>
              <td className={toneOf(trade.taker)}>{trade.taker}</td>
              <td className={toneOf(trade.taker)}>{shownAmount(trade.price)}</td>
              <td>{shownAmount(trade.quantity)}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

function toneOf(taker: "BUY" | "SELL"): string | undefined {
  return taker === "BUY" ? sides.up : sides.down;
}
