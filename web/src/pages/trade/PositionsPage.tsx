import { Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../api/client";
import { usePlatform } from "../../platform";
import { shownAmount, signOf } from "../../ui/amounts";
import { Empty, Found } from "../../ui/states";

const LOOK_EVERY_MS = 2_000;

export default function PositionsPage() {
  const { api } = usePlatform();
  const positions = useQuery({
    queryKey: ["positions"],
    queryFn: () => answerOf(api.GET("/positions")),
    refetchInterval: LOOK_EVERY_MS,
  });
  return (
    <>
      <Title order={2} mb="md">
        Positions
      </Title>
      <Found query={positions}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty>No positions.</Empty>
          ) : (
            <Table.ScrollContainer minWidth={640}>
              <Table verticalSpacing="xs">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Symbol</Table.Th>
                    <Table.Th ta="right">Quantity</Table.Th>
                    <Table.Th ta="right">Average price</Table.Th>
                    <Table.Th ta="right">Mark</Table.Th>
                    <Table.Th ta="right">Unrealised</Table.Th>
                    <Table.Th ta="right">Realised</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {page.items.map((position) => (
                    <Table.Tr key={`${position.account_id}/${position.symbol}`}>
                      <Table.Td>{position.symbol}</Table.Td>
                      <Table.Td ta="right">{shownAmount(position.quantity)}</Table.Td>
                      <Table.Td ta="right">{shownAmount(position.average_price)}</Table.Td>
                      <Table.Td ta="right">
                        {position.mark_price === null ? "unknown" : shownAmount(position.mark_price)}
                        {position.stale && (
                          <Text span size="xs" c="orange">
                            {" "}
                            old
                          </Text>
                        )}
                      </Table.Td>
                      <Profit amount={position.unrealised_pnl} />
                      <Profit amount={position.realised_pnl} />
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Found>
    </>
  );
}

const COLOURS = { "-1": "red", "0": "dimmed", "1": "teal" } as const;

function Profit({ amount }: { amount: string | null }) {
  return (
    <Table.Td ta="right" c={amount === null ? "dimmed" : COLOURS[signOf(amount)]}>
      {amount === null ? "unknown" : shownAmount(amount)}
    </Table.Td>
  );
}
