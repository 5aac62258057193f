import { Badge, Stack } from "@mantine/core";
import { DataTable } from "../../../ui/DataTable";
import { Empty } from "../../../ui/states";
import type { Exposure, InstrumentExposure } from "../model/exposures";
import { Amount } from "../shared/Amount";
import { AmountBars } from "../shared/AmountBars";

const NET = "Net";
const GROSS = "Gross";

/** A chart for each currency, because their amounts are never one sum, and a table of all. */
export function ExposureSection({
  by,
  rows,
}: {
  by: string;
  rows: readonly (Exposure | InstrumentExposure)[];
}) {
  if (rows.length === 0) return <Empty>Nobody holds a position.</Empty>;
  const currencies = [...new Set(rows.map((row) => row.currency))];
  const hasQuantities = rows.some((row) => "quantity" in row);
  return (
    <Stack>
      {currencies.map((currency) => (
        <AmountBars
          key={currency}
          label={`Exposure by ${by.toLowerCase()}, ${currency}`}
          unit={currency}
          series={[NET, GROSS]}
          rows={rows
            .filter((row) => row.currency === currency)
            .map((row) => ({ name: row.name, amounts: { [NET]: row.net, [GROSS]: row.gross } }))}
        />
      ))}
      <DataTable
        label={`Exposure by ${by.toLowerCase()}`}
        rows={rows}
        keyOf={(row) => `${row.key}/${row.currency}`}
        empty=""
        columns={[
          { name: by, show: (row) => row.name },
          ...(hasQuantities
            ? [
                {
                  name: "Quantity",
                  isNumber: true,
                  show: (row: Exposure | InstrumentExposure) =>
                    "quantity" in row && <Amount amount={row.quantity} />,
                },
                {
                  name: "Mark",
                  isNumber: true,
                  show: (row: Exposure | InstrumentExposure) =>
                    "markPrice" in row && <Amount amount={row.markPrice} />,
                },
              ]
            : []),
          { name: NET, isNumber: true, show: (row) => <Amount amount={row.net} unit={row.currency} /> },
          { name: GROSS, isNumber: true, show: (row) => <Amount amount={row.gross} unit={row.currency} /> },
          { name: "Marks", show: (row) => <Marks isStale={row.isStale} /> },
        ]}
      />
    </Stack>
  );
}

export function Marks({ isStale }: { isStale: boolean }) {
  return isStale ? (
    <Badge color="orange" variant="light">
      old
    </Badge>
  ) : (
    "fresh"
  );
}
