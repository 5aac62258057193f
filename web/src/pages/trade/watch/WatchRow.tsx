import { ActionIcon, Anchor } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { useQuote } from "../../../live/hooks";
import { fromScaled } from "../../../live/scaled";
import { useStaleSince } from "../../../live/useStaleSince";
import { shownAmount } from "../../../ui/amounts";
import { StaleSince } from "../../../ui/StaleSince";
import { withoutZeros } from "../chart/history";
import { changePercent, type DayFigures } from "../dayFigures";
import { toneOf } from "../tones";
import { Sparkline } from "./Sparkline";
import styles from "./watch.module.css";

export interface WatchRowActions {
  readonly move: (symbol: string, by: -1 | 1) => void;
  readonly remove: (symbol: string) => void;
}

const Line = memo(Sparkline);

/** Cells are plain: of fifty rows that change ten times a second each costs as little as it can. */
export const WatchRow = memo(function WatchRow({
  symbol,
  decimals,
  day,
  actions,
}: {
  symbol: string;
  /** Of its tick. */
  decimals: number;
  day: DayFigures | undefined;
  actions: WatchRowActions;
}) {
  const quote = useQuote(symbol);
  const stale = useStaleSince(quote.heardAt);
  const change = changePercent(day?.openPrice, quote.last?.price);
  return (
    <tr>
      <th scope="row">
        <Market symbol={symbol} /> <StaleSince since={stale} />
        {quote.state === "FAILED" && <span className={styles.failed}>{quote.error}</span>}
      </th>
      <td className={styles.last}>{quote.last === null ? "–" : shownAmount(quote.last.price)}</td>
      <td className={toneOf(change)}>{change === null ? "–" : `${change} %`}</td>
      <td>{quote.bid === null ? "–" : shownAmount(quote.bid.price)}</td>
      <td>{quote.ask === null ? "–" : shownAmount(quote.ask.price)}</td>
      <td>
        {quote.bid === null || quote.ask === null
          ? "–"
          : shownAmount(fromScaled(quote.ask.priceScaled - quote.bid.priceScaled, decimals))}
      </td>
      <td>{day === undefined ? "–" : shownAmount(withoutZeros(day.volume))}</td>
      <td>
        <Line symbol={symbol} />
      </td>
      <td>
        <RowActions symbol={symbol} actions={actions} />
      </td>
    </tr>
  );
});

const Market = memo(function Market({ symbol }: { symbol: string }) {
  return (
    <Anchor component={Link} to={`/trade?symbol=${encodeURIComponent(symbol)}`} fw={600} size="sm">
      {symbol}
    </Anchor>
  );
});

const RowActions = memo(function RowActions({
  symbol,
  actions,
}: {
  symbol: string;
  actions: WatchRowActions;
}) {
  return (
    <span className={styles.actions}>
      <ActionIcon variant="subtle" aria-label={`Move ${symbol} up`} onClick={() => actions.move(symbol, -1)}>
        <IconArrowUp size={16} />
      </ActionIcon>
      <ActionIcon variant="subtle" aria-label={`Move ${symbol} down`} onClick={() => actions.move(symbol, 1)}>
        <IconArrowDown size={16} />
      </ActionIcon>
      <ActionIcon
        variant="subtle"
        color="red"
        aria-label={`Do not watch ${symbol}`}
        onClick={() => actions.remove(symbol)}
      >
        <IconX size={16} />
      </ActionIcon>
    </span>
  );
});
