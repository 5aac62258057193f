import { Button, Drawer, NativeSelect, Stack } from "@mantine/core";
import { useAddress } from "../../../ui/useAddress";
import { useMay } from "../../../ui/useMe";
import { OrderTicket } from "../OrderTicket";
import { useInstruments } from "../reads";

const CLOSED = "";

/** The ticket beside the list. The address keeps that it is open, and for which symbol. */
export function NewOrder({ symbol }: { symbol: string | undefined }) {
  const [chosen, choose] = useAddress("ticket", CLOSED);
  const symbols = (useInstruments().data?.items ?? []).map((each) => each.symbol);
  if (!useMay()("orders:create")) return null;
  const first = symbol ?? symbols[0];
  return (
    <>
      <Button size="compact-md" disabled={first === undefined} onClick={() => choose(first ?? CLOSED)}>
        New order
      </Button>
      <Drawer opened={chosen !== CLOSED} onClose={() => choose(CLOSED)} position="right" title="New order">
        {chosen !== CLOSED && (
          <Stack gap="sm">
            <NativeSelect
              label="Symbol"
              data={symbols.includes(chosen) ? symbols : [chosen, ...symbols]}
              value={chosen}
              onChange={(event) => choose(event.currentTarget.value)}
            />
            <OrderTicket symbol={chosen} />
          </Stack>
        )}
      </Drawer>
    </>
  );
}
