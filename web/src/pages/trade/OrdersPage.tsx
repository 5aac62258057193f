import { Group, NativeSelect, Tabs } from "@mantine/core";
import { PageFrame } from "../../ui/PageFrame";
import { useAddress } from "../../ui/useAddress";
import { OpenOrders } from "./OpenOrders";
import { Fills } from "./orders/Fills";
import { History } from "./orders/History";
import { FINAL_STATUSES, OPEN_STATUSES, type OrdStatus, statusWords } from "./orderWords";
import { useAccountNames, useAccounts, useInstruments } from "./reads";

const ALL = "";
const STATUSES: readonly OrdStatus[] = [...OPEN_STATUSES, ...FINAL_STATUSES];

export default function OrdersPage() {
  const [tab, setTab] = useAddress("tab", "open");
  const [symbol, setSymbol] = useAddress("symbol", ALL);
  const [wantedStatus, setStatus] = useAddress("status", ALL);
  const instruments = useInstruments();
  const names = useAccountNames();
  const accountName = (useAccounts().data?.items.length ?? 0) > 1 ? names : null;
  const status = STATUSES.find((each) => each === wantedStatus) ?? null;
  const isOne = symbol !== ALL;
  return (
    <PageFrame title="Orders">
      <Tabs value={tab} onChange={(chosen) => setTab(chosen ?? "open")}>
        <Tabs.List>
          <Tabs.Tab value="open">Open</Tabs.Tab>
          <Tabs.Tab value="history">History</Tabs.Tab>
          <Tabs.Tab value="fills">Fills</Tabs.Tab>
        </Tabs.List>
        <Group py="sm" gap="sm">
          <NativeSelect
            aria-label="Symbol"
            size="xs"
            value={symbol}
            onChange={(event) => setSymbol(event.currentTarget.value)}
            data={[
              { value: ALL, label: "All symbols" },
              ...(instruments.data?.items ?? []).map((each) => ({ value: each.symbol, label: each.symbol })),
            ]}
          />
          {tab === "history" && (
            <NativeSelect
              aria-label="Status"
              size="xs"
              value={wantedStatus}
              onChange={(event) => setStatus(event.currentTarget.value)}
              data={[
                { value: ALL, label: "All states" },
                ...STATUSES.map((each) => ({ value: each, label: statusWords(each) })),
              ]}
            />
          )}
        </Group>
        <Tabs.Panel value="open">
          {tab === "open" && <OpenOrders {...(isOne ? { symbol } : {})} />}
        </Tabs.Panel>
        <Tabs.Panel value="history">
          {tab === "history" && (
            <History symbol={isOne ? symbol : null} status={status} accountName={accountName} />
          )}
        </Tabs.Panel>
        <Tabs.Panel value="fills">
          {tab === "fills" && <Fills symbol={isOne ? symbol : null} accountName={accountName} />}
        </Tabs.Panel>
      </Tabs>
    </PageFrame>
  );
}
