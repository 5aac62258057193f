import { Group, Select, Text } from "@mantine/core";
import { useQuote } from "../../live/hooks";
import { useStaleSince } from "../../live/useStaleSince";
import { shownAmount } from "../../ui/amounts";
import { StaleSince } from "../../ui/StaleSince";
import { withoutZeros } from "./chart/history";
import { changePercent, useDayFigures } from "./dayFigures";
import { toneOf } from "./tones";

/** Which market, and where it stands. */
export function SymbolBar({
  symbol,
  symbols,
  onChoose,
}: {
  symbol: string;
  symbols: readonly string[];
  onChoose: (symbol: string) => void;
}) {
  const quote = useQuote(symbol);
  const stale = useStaleSince(quote.heardAt);
  const day = useDayFigures()(symbol);
  const change = changePercent(day?.openPrice, quote.last?.price);
  return (
    <Group gap="lg" align="center">
      <Select
        aria-label="Symbol"
        data={[...symbols]}
        value={symbol}
        onChange={(chosen) => chosen !== null && onChoose(chosen)}
        searchable
        allowDeselect={false}
        w={150}
      />
      <Figure name="Last" value={quote.last === null ? "–" : shownAmount(quote.last.price)} isBold />
      <Figure name="24 h" value={change === null ? "–" : `${change} %`} className={toneOf(change)} />
      <Figure name="Bid" value={quote.bid === null ? "–" : shownAmount(quote.bid.price)} />
      <Figure name="Ask" value={quote.ask === null ? "–" : shownAmount(quote.ask.price)} />
      <Figure name="Volume" value={day === undefined ? "–" : shownAmount(withoutZeros(day.volume))} />
      <StaleSince since={stale} />
    </Group>
  );
}

function Figure({
  name,
  value,
  isBold = false,
  className,
}: {
  name: string;
  value: string;
  isBold?: boolean;
  className?: string | undefined;
}) {
  return (
    <div>
      <Text size="xs" c="dimmed" lh={1.2}>
        {name}
      </Text>
      <Text
        size="sm"
        fw={isBold ? 700 : 500}
        className={className}
        lh={1.3}
        style={{ fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" }}
      >
        {value}
      </Text>
    </div>
  );
}
