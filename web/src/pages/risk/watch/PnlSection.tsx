import { Stack, Text } from "@mantine/core";
import { DataTable } from "../../../ui/DataTable";
import { Empty } from "../../../ui/states";
import type { DeskPnl } from "../model/exposures";
import { Amount, Profit } from "../shared/Amount";
import { AmountBars } from "../shared/AmountBars";
import { Marks } from "./ExposureSection";

const TOTAL = "Profit and loss after fees";

export function PnlSection({ rows }: { rows: readonly DeskPnl[] }) {
  if (rows.length === 0) return <Empty>There are no accounts.</Empty>;
  const currencies = [...new Set(rows.map((row) => row.currency))];
  return (
    <Stack>
      {currencies.map((currency) => (
        <AmountBars
          key={currency}
          label={`Profit and loss by desk, ${currency}`}
          unit={currency}
          series={[TOTAL]}
          rows={rows
            .filter((row) => row.currency === currency)
            .map((row) => ({ name: row.name, amounts: { [TOTAL]: row.total } }))}
        />
      ))}
      <Text size="sm" c="dimmed">
        Since the accounts began: realised less fees, and unrealised at the marks of now.
      </Text>
      <DataTable
        label="Profit and loss by desk"
        rows={rows}
        keyOf={(row) => `${row.key}/${row.currency}`}
        empty=""
        minWidth={860}
        columns={[
          { name: "Desk", show: (row) => row.name },
          { name: "Accounts", isNumber: true, show: (row) => row.accounts },
          {
            name: "Equity",
            isNumber: true,
            show: (row) => <Amount amount={row.equity} unit={row.currency} />,
          },
          { name: "Realised", isNumber: true, show: (row) => <Profit amount={row.realised} /> },
          { name: "Unrealised", isNumber: true, show: (row) => <Profit amount={row.unrealised} /> },
          { name: "Fees", isNumber: true, show: (row) => <Amount amount={row.fees} /> },
          { name: "After fees", isNumber: true, show: (row) => <Profit amount={row.total} /> },
          { name: "Marks", show: (row) => <Marks isStale={row.isStale} /> },
        ]}
      />
    </Stack>
  );
}
