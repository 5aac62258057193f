import { NativeSelect, ScrollArea, Tabs } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { memo, type ReactNode, useMemo, useState } from "react";
import { useAccountChannel, useMarket } from "../../live/hooks";
import type { LiveOrder } from "../../live/messages";
import { Empty, Found } from "../../ui/states";
import { useAddress } from "../../ui/useAddress";
import { ChartPanel } from "./ChartPanel";
import { Ladder } from "./ladder/Ladder";
import { OpenOrders } from "./OpenOrders";
import { OrderTicket } from "./OrderTicket";
import { useAccounts, useInstruments } from "./reads";
import { SymbolBar } from "./SymbolBar";
import { Tape } from "./Tape";
import styles from "./trade.module.css";

const OPEN = new Set<LiveOrder["status"]>([
  "PENDING_NEW",
  "NEW",
  "PARTIALLY_FILLED",
  "PENDING_CANCEL",
  "UNKNOWN",
]);
const TAPE_HEIGHT_MAX = 300;
const FIRST_CHOICE = "ETH/USDT";

/** Chart, book and ticket in one glance. */
export default function TradePage() {
  const instruments = useInstruments();
  return (
    <Found query={instruments}>
      {({ items }) => <Trade symbols={items.map((instrument) => instrument.symbol)} />}
    </Found>
  );
}

function Trade({ symbols }: { symbols: readonly string[] }) {
  const initial = symbols.includes(FIRST_CHOICE) ? FIRST_CHOICE : (symbols[0] ?? "");
  const [symbol, setSymbol] = useAddress("symbol", initial);
  const [account, setAccount] = useAddress("account", "");
  const [pointedAt, setPointedAt] = useState<{ symbol: string; price: string } | null>(null);
  const [tab, setTab] = useAddress("tab", "chart");
  const isPhone = useMediaQuery("(max-width: 48em)") ?? false;
  const accountId = account === "" ? undefined : account;
  const orders = useOpenOrders(symbol, accountId);
  if (!symbols.includes(symbol)) return <Empty>There is no market {symbol}.</Empty>;
  const price = pointedAt?.symbol === symbol ? pointedAt.price : undefined;
  const point = (chosen: string) => {
    setPointedAt({ symbol, price: chosen });
    if (isPhone) setTab("ticket");
  };
  const ofAccount = accountId === undefined ? {} : { accountId };
  const chart = <ChartPanel symbol={symbol} {...ofAccount} orders={orders} />;
  const book = <BookPanel symbol={symbol} orders={orders} onPrice={point} />;
  const tape = <TapePanel symbol={symbol} />;
  const ticket = <Ticket symbol={symbol} {...ofAccount} {...(price === undefined ? {} : { price })} />;
  const open = <Open symbol={symbol} />;
  return (
    <div className={styles.frame}>
      <div className={styles.top}>
        <SymbolBar symbol={symbol} symbols={symbols} onChoose={setSymbol} />
        <AccountChoice account={account} onChoose={setAccount} />
      </div>
      {isPhone ? (
        <PhoneTabs tab={tab} onTab={setTab} panels={{ chart, book, trades: tape, ticket }} below={open} />
      ) : (
        <div className={styles.page}>
          <div className={styles.chart}>{chart}</div>
          <div className={styles.book}>
            {book}
            <ScrollArea.Autosize mah={TAPE_HEIGHT_MAX} mt="sm">
              {tape}
            </ScrollArea.Autosize>
          </div>
          <div className={styles.ticket}>{ticket}</div>
          <div className={styles.orders}>{open}</div>
        </div>
      )}
    </div>
  );
}

/** They do not change with the market, so they are not drawn again with it. */
const Ticket = memo(OrderTicket);
const Open = memo(OpenOrders);

function BookPanel(terms: {
  symbol: string;
  orders: readonly LiveOrder[];
  onPrice: (price: string) => void;
}) {
  return <Ladder market={useMarket(terms.symbol)} orders={terms.orders} onPrice={terms.onPrice} />;
}

function TapePanel({ symbol }: { symbol: string }) {
  return <Tape market={useMarket(symbol)} />;
}

function useOpenOrders(symbol: string, accountId: string | undefined): readonly LiveOrder[] {
  const { items } = useAccountChannel("orders", accountId);
  return useMemo(
    () => items.filter((order) => order.symbol === symbol && OPEN.has(order.status)),
    [items, symbol],
  );
}

/** Only where there is a choice. */
function AccountChoice({ account, onChoose }: { account: string; onChoose: (account: string) => void }) {
  const accounts = useAccounts().data?.items ?? [];
  if (accounts.length < 2) return null;
  return (
    <NativeSelect
      aria-label="Account"
      data={[
        { value: "", label: "All my accounts" },
        ...accounts.map(({ account_id, name }) => ({ value: account_id, label: name })),
      ]}
      value={account}
      onChange={(event) => onChoose(event.currentTarget.value)}
      w={190}
    />
  );
}

const TABS = [
  ["chart", "Chart"],
  ["book", "Book"],
  ["trades", "Trades"],
  ["ticket", "Ticket"],
] as const;

function PhoneTabs({
  tab,
  onTab,
  panels,
  below,
}: {
  tab: string;
  onTab: (tab: string) => void;
  panels: Readonly<Record<(typeof TABS)[number][0], ReactNode>>;
  below: ReactNode;
}) {
  return (
    <>
      <Tabs value={tab} onChange={(chosen) => chosen !== null && onTab(chosen)} keepMounted={false}>
        <Tabs.List grow mb="xs">
          {TABS.map(([id, name]) => (
            <Tabs.Tab key={id} value={id}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map(([id]) => (
          <Tabs.Panel key={id} value={id}>
            {panels[id]}
          </Tabs.Panel>
        ))}
      </Tabs>
      {below}
    </>
  );
}
