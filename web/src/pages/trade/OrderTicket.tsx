import { Empty, Found } from "../../ui/states";
import { useMay } from "../../ui/useMe";
import { useAccounts, useInstruments } from "./reads";
import { TicketForm } from "./ticket/TicketForm";
import type { TicketTerms } from "./ticket/terms";

/** Where orders are made: what limits would say stands there before one is sent. */
export function OrderTicket({
  symbol,
  accountId,
  price,
  initial = {},
}: {
  symbol: string;
  accountId?: string;
  /** Taken over when it changes, as when a price is pointed at. */
  price?: string;
  /** What stands there at the beginning. */
  initial?: Partial<TicketTerms>;
}) {
  const may = useMay();
  const instruments = useInstruments();
  const accounts = useAccounts();
  if (!may("orders:create")) return <Empty>Your role looks on: it places no orders.</Empty>;
  return (
    <Found query={instruments}>
      {({ items }) => {
        const instrument = items.find((each) => each.symbol === symbol);
        if (instrument === undefined) return <Empty>{symbol} is not traded here.</Empty>;
        return (
          <Found query={accounts}>
            {({ items: mine }) =>
              mine.length === 0 ? (
                <Empty>You have no account to trade for yet.</Empty>
              ) : (
                <TicketForm
                  key={`${symbol}/${accountId}`}
                  instrument={instrument}
                  accounts={mine}
                  initial={{ ...initial, ...(accountId === undefined ? {} : { account_id: accountId }) }}
                  price={price}
                />
              )
            }
          </Found>
        );
      }}
    </Found>
  );
}
