import { Alert, Button, List, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import { usePlatform } from "../../platform";
import { shownAmount } from "../../ui/amounts";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { DataTable } from "../../ui/DataTable";
import { Found } from "../../ui/states";
import { useAction } from "../../ui/useAction";

type Rebuilt = components["schemas"]["Rebuilt"];

/** Trades, positions, balances and orders of an account, made again from its events. */
export function ReadModels({ mayOperate }: { mayOperate: boolean }) {
  const { api } = usePlatform();
  const [asked, ask] = useState<string | null>(null);
  const [rebuilt, show] = useState<Rebuilt | null>(null);
  const accounts = useQuery({
    queryKey: ["read-models"],
    queryFn: () => answerOf(api.GET("/read-models")),
  });
  const rebuilding = useAction(
    (account_id: string) =>
      answerOf(api.POST("/read-models/{account_id}/rebuild", { params: { path: { account_id } } })),
    {
      changes: [["read-models"]],
      onDone: (answer) => {
        show(answer);
        ask(null);
      },
    },
  );
  const confirm = (account_id: string) => {
    rebuilding.reset();
    show(null);
    ask(account_id);
  };
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        What the projections have written of an account can be made again from its events, while everything
        goes on. It says what was other; nothing else is written.
      </Text>
      {rebuilt !== null && <Outcome rebuilt={rebuilt} />}
      <Found query={accounts}>
        {(found) => (
          <DataTable
            label="Accounts"
            rows={found.account_ids}
            keyOf={(account_id) => account_id}
            minWidth={420}
            empty="Your organisation has no accounts with events."
            columns={[
              { name: "Account", show: (account_id) => account_id },
              ...(mayOperate
                ? [
                    {
                      name: "",
                      show: (account_id: string) => (
                        <Button
                          size="compact-xs"
                          variant="light"
                          aria-label={`Rebuild ${account_id}`}
                          onClick={() => confirm(account_id)}
                        >
                          Rebuild
                        </Button>
                      ),
                    },
                  ]
                : []),
            ]}
          />
        )}
      </Found>
      {asked !== null && (
        <ConfirmDialog
          title="Rebuild the read models"
          confirm="Rebuild"
          error={rebuilding.error}
          isRunning={rebuilding.isRunning}
          onConfirm={() => rebuilding.run(asked)}
          onClose={() => ask(null)}
        >
          Trades, positions, balances and the state of orders of {asked} are compared with its events, and
          corrected where they are other.
        </ConfirmDialog>
      )}
    </Stack>
  );
}

function Outcome({ rebuilt }: { rebuilt: Rebuilt }) {
  const said = [
    ...rebuilt.positions.map(
      (each) =>
        `Position in ${each.symbol}: ${shownAmount(each.quantity_before)} is ${shownAmount(each.quantity)} now`,
    ),
    ...rebuilt.balances.map(
      (each) =>
        `Balance of ${each.asset}: ${shownAmount(each.total_before)} is ${shownAmount(each.total)} now`,
    ),
    ...rebuilt.trades.map((id) => `Trade ${id} was missing or other`),
    ...rebuilt.orders.map((id) => `Order ${id} was other`),
    ...rebuilt.unknown_trades.map((id) => `Trade ${id} has no event: it is left, and counts no more`),
  ];
  return (
    <Alert
      color={said.length === 0 ? "teal" : "orange"}
      role="status"
      title={`Account ${rebuilt.account_id}`}
    >
      {said.length === 0 ? (
        `Everything was as its ${rebuilt.events} events say.`
      ) : (
        <List size="sm">
          {said.map((line) => (
            <List.Item key={line}>{line}</List.Item>
          ))}
        </List>
      )}
    </Alert>
  );
}
