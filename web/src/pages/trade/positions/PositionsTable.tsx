import { Badge, Button, Drawer, Group, Text } from "@mantine/core";
import { useState } from "react";
import type { components } from "../../../api/schema";
import { shownAmount } from "../../../ui/amounts";
import { DataTable } from "../../../ui/DataTable";
import { useMay } from "../../../ui/useMe";
import { OrderTicket } from "../OrderTicket";
import { Profit } from "../Profit";
import { closingTerms, isFlat } from "./closing";

type Position = components["schemas"]["Position"];

/** What an account holds, each with the button that closes it. */
export function PositionsTable({ positions, label }: { positions: readonly Position[]; label: string }) {
  const may = useMay();
  const [closing, setClosing] = useState<Position | null>(null);
  return (
    <>
      <DataTable
        label={label}
        rows={positions}
        keyOf={(position) => position.symbol}
        minWidth={780}
        empty="No positions."
        columns={[
          { name: "Symbol", show: (position) => position.symbol },
          { name: "Quantity", isNumber: true, show: (position) => shownAmount(position.quantity) },
          {
            name: "Average price",
            isNumber: true,
            show: (position) => (isFlat(position) ? "–" : shownAmount(position.average_price)),
          },
          { name: "Mark", isNumber: true, show: (position) => <Mark position={position} /> },
          {
            name: "Unrealised",
            isNumber: true,
            show: (position) => <Profit amount={position.unrealised_pnl} />,
          },
          { name: "Realised", isNumber: true, show: (position) => <Profit amount={position.realised_pnl} /> },
          { name: "Fees", isNumber: true, show: (position) => shownAmount(position.fees) },
          {
            name: "",
            show: (position) =>
              may("orders:create") &&
              !isFlat(position) && (
                <Group justify="flex-end">
                  <Button
                    size="compact-xs"
                    variant="default"
                    onClick={() => setClosing(position)}
                    aria-label={`Close ${position.symbol}`}
                  >
                    Close
                  </Button>
                </Group>
              ),
          },
        ]}
      />
      <Drawer
        opened={closing !== null}
        onClose={() => setClosing(null)}
        position="right"
        title={closing === null ? "" : `Close ${closing.symbol}`}
      >
        {closing !== null && (
          <OrderTicket
            symbol={closing.symbol}
            accountId={closing.account_id}
            initial={closingTerms(closing)}
          />
        )}
      </Drawer>
    </>
  );
}

const MS_PER_S = 1_000;

function Mark({ position }: { position: Position }) {
  if (position.mark_price === null)
    return (
      <Text span inherit c="dimmed">
        not known
      </Text>
    );
  return (
    <Group gap={6} justify="flex-end" wrap="nowrap">
      {position.stale && position.mark_age_ms !== null && (
        <Badge color="orange" variant="light" size="xs" tt="none">
          {Math.round(position.mark_age_ms / MS_PER_S)} s old
        </Badge>
      )}
      <span>{shownAmount(position.mark_price)}</span>
    </Group>
  );
}
