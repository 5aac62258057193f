import { Alert, Box, Button, Collapse, Group, Stack, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconCheck, IconX } from "@tabler/icons-react";
import Big from "big.js";
import { shownAmount } from "../../../ui/amounts";
import { Refusals } from "./Refusals";
import { explained, isUnknown } from "./refusals";
import type { Previewed } from "./usePreview";
import { assetsOf, type Finding, nameOf, usageOf } from "./verdicts";

const SHOWN_DIGITS = 8;

/** What the order would meet if it were sent now. `isOld`: these are the terms of a moment ago. */
export function PreviewPanel({
  found,
  error,
  isOld,
  symbol,
  onTake,
  onAgain,
}: {
  found: Previewed | undefined;
  error: Error | null;
  isOld: boolean;
  symbol: string;
  onTake: (quantity: string) => void;
  onAgain: () => void;
}) {
  if (error !== null) return <NoPreview error={error} onAgain={onAgain} />;
  if (found === undefined) {
    return (
      <Text size="sm" c="dimmed">
        What limits would say stands here before anything is sent.
      </Text>
    );
  }
  const { order, passes, refusals } = found;
  const { quote } = assetsOf(symbol);
  return (
    <Stack gap="xs" aria-live="polite" aria-busy={isOld} style={{ opacity: isOld ? 0.55 : 1 }}>
      {passes ? (
        <Group gap={6} wrap="nowrap">
          <IconCheck size={16} color="var(--mantine-color-teal-6)" aria-hidden />
          <Text size="sm">
            {order.verdicts.length === 1
              ? "The limit lets it pass."
              : `All ${order.verdicts.length} limits let it pass.`}
          </Text>
        </Group>
      ) : (
        <Alert color="red" p="xs" title="Would be refused" role="status">
          <Refusals refusals={refusals} symbol={symbol} onTake={onTake} />
        </Alert>
      )}
      <Table variant="vertical" withRowBorders={false} verticalSpacing={2} fz="sm" aria-label="Expected">
        <Table.Tbody>
          <Expected name="Price" amount={order.expected_price} unit={quote} />
          <Expected name="Worth" amount={order.expected_notional} unit={quote} />
          <Expected name="Fee" amount={order.expected_fee} unit={order.fee_currency} />
          <Table.Tr>
            <Table.Th scope="row">Trades within</Table.Th>
            <Table.Td ta="right">
              {shownAmount(short(order.price_low))} – {shownAmount(short(order.price_high))}
            </Table.Td>
          </Table.Tr>
        </Table.Tbody>
      </Table>
      <Verdicts verdicts={order.verdicts} symbol={symbol} />
    </Stack>
  );
}

function NoPreview({ error, onAgain }: { error: Error; onAgain: () => void }) {
  const { title, detail } = explained(error);
  return (
    <Alert
      color={isUnknown(error) ? "orange" : "red"}
      p="xs"
      title={isUnknown(error) ? "No preview" : title}
      role="status"
    >
      <Stack gap="xs">
        <Text size="sm">{detail}</Text>
        {isUnknown(error) && (
          <Button
            size="compact-sm"
            variant="light"
            color="orange"
            onClick={onAgain}
            style={{ alignSelf: "start" }}
          >
            Ask again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

function Expected({ name, amount, unit }: { name: string; amount: string | null; unit: string }) {
  return (
    <Table.Tr>
      <Table.Th scope="row">{name}</Table.Th>
      <Table.Td ta="right" style={{ fontVariantNumeric: "tabular-nums" }}>
        {amount === null ? "not known" : `${shownAmount(short(amount))} ${unit}`}
      </Table.Td>
    </Table.Tr>
  );
}

/** An expectation is no amount that is booked: digits beyond these say nothing. */
function short(amount: string): string {
  return new Big(amount).round(SHOWN_DIGITS, Big.roundHalfEven).toFixed();
}

function Verdicts({ verdicts, symbol }: { verdicts: readonly Finding[]; symbol: string }) {
  const [isOpen, { toggle }] = useDisclosure(false);
  const assets = assetsOf(symbol);
  return (
    <Box>
      <Button size="compact-xs" variant="subtle" onClick={toggle} aria-expanded={isOpen}>
        {isOpen ? "Hide each limit" : "Each limit"}
      </Button>
      <Collapse expanded={isOpen}>
        <Table fz="xs" verticalSpacing={2} aria-label="Each limit's verdict">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Where</Table.Th>
              <Table.Th scope="col">Limit</Table.Th>
              <Table.Th scope="col" ta="right">
                With this order
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {verdicts.map((verdict) => (
              <Table.Tr key={`${verdict.node_id}/${verdict.limit_id ?? verdict.limit_type}`}>
                <Table.Td>{verdict.node_name}</Table.Td>
                <Table.Td>
                  {nameOf(verdict.limit_type)}
                  {verdict.instrument !== "*" && verdict.instrument !== symbol && ` (${verdict.instrument})`}
                </Table.Td>
                <Table.Td ta="right">
                  <Group gap={4} justify="flex-end" wrap="nowrap">
                    <span>{usageOf(verdict, assets) ?? (verdict.passes ? "passes" : "refuses")}</span>
                    {verdict.passes ? (
                      <IconCheck size={14} color="var(--mantine-color-teal-6)" aria-label="passes" />
                    ) : (
                      <IconX size={14} color="var(--mantine-color-red-6)" aria-label="refuses" />
                    )}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Collapse>
    </Box>
  );
}
