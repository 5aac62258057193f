import { Paper, SimpleGrid, Text } from "@mantine/core";
import Big from "big.js";
import type { ReactNode } from "react";
import type { components } from "../../../api/schema";
import { shownAmount } from "../../../ui/amounts";
import { Profit } from "../Profit";

type Total = Pick<
  components["schemas"]["PortfolioTotal"],
  "equity" | "realised_pnl" | "unrealised_pnl" | "fees" | "net_realised_pnl"
>;

const MONEY_DIGITS = 2;

/** What it comes to: in headlines cents are enough, and the exact amount stands in the title. */
export function Worth({ total, currency, label }: { total: Total; currency: string; label: string }) {
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }} spacing="xs" aria-label={label} component="dl" m={0}>
      <Figure name="Equity" exact={total.equity}>
        {total.equity === null ? "not known" : `${shownAmount(cents(total.equity))} ${currency}`}
      </Figure>
      <Figure name="Unrealised" exact={total.unrealised_pnl}>
        <Profit amount={total.unrealised_pnl && cents(total.unrealised_pnl)} />
      </Figure>
      <Figure name="Realised" exact={total.realised_pnl}>
        <Profit amount={total.realised_pnl && cents(total.realised_pnl)} />
      </Figure>
      <Figure name="Fees" exact={total.fees}>
        {total.fees === null ? "not known" : shownAmount(cents(total.fees))}
      </Figure>
      <Figure name="Realised, fees paid" exact={total.net_realised_pnl}>
        <Profit amount={total.net_realised_pnl && cents(total.net_realised_pnl)} />
      </Figure>
    </SimpleGrid>
  );
}

export function cents(amount: string): string {
  return new Big(amount).toFixed(MONEY_DIGITS, Big.roundHalfEven);
}

export function Figure({
  name,
  exact = null,
  children,
}: {
  name: string;
  exact?: string | null;
  children: ReactNode;
}) {
  return (
    <Paper withBorder px="sm" py={6} title={exact ?? undefined}>
      <Text component="dt" size="xs" c="dimmed">
        {name}
      </Text>
      <Text component="dd" m={0} fw={600} style={{ fontVariantNumeric: "tabular-nums" }}>
        {children}
      </Text>
    </Paper>
  );
}
