import { Anchor, Badge, Group, Stack, Switch, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import { useAccountChannel } from "../../live/hooks";
import { usePlatform } from "../../platform";
import { shownAmount } from "../../ui/amounts";
import { PageFrame } from "../../ui/PageFrame";
import { Empty, Found } from "../../ui/states";
import { useAddress } from "../../ui/useAddress";
import { isFlat } from "./positions/closing";
import { PositionsTable } from "./positions/PositionsTable";
import { Worth } from "./positions/Worth";

type AccountPortfolio = components["schemas"]["AccountPortfolio"];

const LOOK_EVERY_MS = 2_000; // For the marks; a fill is told at once.

export default function PositionsPage() {
  const { api } = usePlatform();
  const queries = useQueryClient();
  const { items } = useAccountChannel("positions");
  const [flat, setFlat] = useAddress("flat", "no");
  const portfolio = useQuery({
    queryKey: ["portfolio"],
    queryFn: () => answerOf(api.GET("/portfolio")),
    refetchInterval: LOOK_EVERY_MS,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the news are why it is read again.
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: ["portfolio"] });
  }, [items, queries]);
  return (
    <PageFrame
      title="Positions"
      actions={
        <Switch
          size="sm"
          label="Flat ones too"
          checked={flat === "yes"}
          onChange={(event) => setFlat(event.currentTarget.checked ? "yes" : "no")}
        />
      }
    >
      <Found query={portfolio}>
        {({ items: accounts, totals }) =>
          accounts.length === 0 ? (
            <Empty>You see no account yet.</Empty>
          ) : (
            <Stack gap="xl">
              {accounts.length > 1 &&
                totals.map((total) => (
                  <Stack key={total.currency} gap="xs" component="section">
                    <Title order={2} size="h4">
                      All {accounts.length} accounts, in {total.currency}
                    </Title>
                    <Worth
                      total={total}
                      currency={total.currency}
                      label={`All accounts in ${total.currency}`}
                    />
                  </Stack>
                ))}
              {accounts.map((account) => (
                <Account key={account.account_id} account={account} isFlatShown={flat === "yes"} />
              ))}
            </Stack>
          )
        }
      </Found>
    </PageFrame>
  );
}

function Account({ account, isFlatShown }: { account: AccountPortfolio; isFlatShown: boolean }) {
  const shown = account.positions.filter((position) => isFlatShown || !isFlat(position));
  return (
    <Stack gap="xs" component="section" aria-label={account.name}>
      <Group gap="sm">
        <Title order={2} size="h4">
          {account.name}
        </Title>
        {account.stale && (
          <Badge color="orange" variant="light" tt="none">
            prices are old
          </Badge>
        )}
        <Anchor component={Link} to={`/equity?account=${account.account_id}` as string} size="sm">
          Equity curve
        </Anchor>
      </Group>
      <Worth total={account} currency={account.base_currency} label={`Worth of ${account.name}`} />
      <PositionsTable positions={shown} label={`Positions of ${account.name}`} />
      <Text size="sm" c="dimmed">
        Balances:{" "}
        {account.balances.length === 0
          ? "none"
          : account.balances.map(({ asset, total }) => `${shownAmount(total)} ${asset}`).join(", ")}
      </Text>
    </Stack>
  );
}
