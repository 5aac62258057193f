import { Button, Group, Select } from "@mantine/core";
import { useMemo, useState } from "react";
import type { components } from "../../api/schema";
import { decimalsOf } from "../../live/scaled";
import { PageFrame } from "../../ui/PageFrame";
import { Empty, Found } from "../../ui/states";
import { useDayFigures } from "./dayFigures";
import { useInstruments } from "./reads";
import { keepWatched, loadWatched, moved, WATCHED_MAX } from "./watch/choice";
import { WatchRow, type WatchRowActions } from "./watch/WatchRow";
import styles from "./watch/watch.module.css";

type Instrument = components["schemas"]["InstrumentView"];

const COLUMNS = ["Symbol", "Last", "24 h", "Bid", "Ask", "Spread", "Volume", "Last hour", "Order"];

export default function WatchPage() {
  const instruments = useInstruments();
  return <Found query={instruments}>{({ items }) => <Watched instruments={items} />}</Found>;
}

function Watched({ instruments }: { instruments: readonly Instrument[] }) {
  const symbols = instruments.map((instrument) => instrument.symbol);
  const [watched, setWatched] = useState(() => loadWatched(symbols));
  const [isEditing, setEditing] = useState(false);
  const dayOf = useDayFigures();
  const actions = useMemo((): WatchRowActions => {
    const change = (next: (before: readonly string[]) => readonly string[]) =>
      setWatched((before) => {
        const after = next(before);
        keepWatched(after);
        return after;
      });
    return {
      move: (symbol, by) => change((before) => moved(before, symbol, by)),
      remove: (symbol) => change((before) => before.filter((each) => each !== symbol)),
    };
  }, []);
  const add = (symbol: string | null) => {
    if (symbol === null) return;
    const after = [...watched, symbol].slice(0, WATCHED_MAX);
    keepWatched(after);
    setWatched(after);
  };
  const others = symbols.filter((symbol) => !watched.includes(symbol));
  const decimals = new Map(instruments.map(({ symbol, tick_size }) => [symbol, decimalsOf(tick_size)]));
  return (
    <PageFrame
      title="Watch list"
      actions={
        <Group gap="xs">
          {others.length > 0 && (
            <Select
              key={others.length}
              aria-label="Watch another symbol"
              placeholder="Watch another"
              data={others}
              value={null}
              onChange={add}
              searchable
              w={170}
            />
          )}
          <Button variant="default" aria-pressed={isEditing} onClick={() => setEditing(!isEditing)}>
            {isEditing ? "Done" : "Change the list"}
          </Button>
        </Group>
      }
    >
      {watched.length === 0 ? (
        <Empty>You watch nothing. Choose a symbol above.</Empty>
      ) : (
        <div className={styles.scroll}>
          <table className={styles.table} aria-label="Watch list" data-editing={isEditing}>
            <thead>
              <tr>
                {COLUMNS.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {watched.map((symbol) => (
                <WatchRow
                  key={symbol}
                  symbol={symbol}
                  decimals={decimals.get(symbol) ?? 0}
                  day={dayOf(symbol)}
                  actions={actions}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </PageFrame>
  );
}
