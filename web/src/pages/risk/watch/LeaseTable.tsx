import { Alert, Badge, Button, Group, Modal, Stack, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { useAddress } from "../../../ui/useAddress";
import { useMay } from "../../../ui/useMe";
import type { Lease } from "../model/types";
import { Amount } from "../shared/Amount";
import { LIMITS_KEY, LOOK_EVERY_MS } from "../shared/queries";

const STOPPED = "STOPPED";

/** Leases at and below a node ("" for all); who manages risk may stop one. */
export function LeaseTable({
  nodeId,
  names,
}: {
  nodeId: string;
  /** Of accounts, by their ids. */
  names: ReadonlyMap<string | null, string>;
}) {
  const { api } = usePlatform();
  const mayStop = useMay()("risk:manage");
  const [over, setOver] = useAddress("over", "no");
  const [stopping, setStopping] = useState<Lease | null>(null);
  const leases = useQuery({
    queryKey: ["limits", "leases", "of", nodeId, over],
    queryFn: () =>
      answerOf(
        api.GET("/limits/leases", {
          params: { query: { living_only: over !== "yes", ...(nodeId === "" ? {} : { node_id: nodeId }) } },
        }),
      ),
    refetchInterval: LOOK_EVERY_MS,
  });
  const nameOf = (lease: Lease) => names.get(lease.account_id) ?? lease.account_id.slice(0, 8);
  return (
    <>
      <Switch
        label="With those that are over"
        checked={over === "yes"}
        onChange={(event) => setOver(event.currentTarget.checked ? "yes" : "no")}
      />
      <Found query={leases}>
        {({ items }) => (
          <DataTable
            label="Leases"
            rows={items}
            keyOf={(lease) => lease.lease_id}
            empty="Nothing is leased to the engine."
            minWidth={980}
            columns={[
              { name: "Account", show: nameOf },
              { name: "Symbol", show: (lease) => lease.symbol },
              { name: "Venue", show: (lease) => lease.venue },
              { name: "State", show: (lease) => <LeaseState lease={lease} /> },
              { name: "Buy free", isNumber: true, show: (lease) => <Amount amount={lease.buy_free} /> },
              { name: "taken", isNumber: true, show: (lease) => <Amount amount={lease.buy_taken} /> },
              { name: "Sell free", isNumber: true, show: (lease) => <Amount amount={lease.sell_free} /> },
              { name: "taken ", isNumber: true, show: (lease) => <Amount amount={lease.sell_taken} /> },
              {
                name: "Orders",
                isNumber: true,
                show: (lease) => `${lease.live_orders} of ${lease.orders_max}`,
              },
              {
                name: "Runs out",
                show: (lease) => (lease.expires_at === null ? "" : shownTime(lease.expires_at)),
              },
              {
                name: "Do",
                show: (lease) =>
                  mayStop &&
                  lease.state !== STOPPED && (
                    <Button
                      size="compact-xs"
                      color="red"
                      variant="light"
                      aria-label={`Stop the lease of ${nameOf(lease)} in ${lease.symbol}`}
                      onClick={() => setStopping(lease)}
                    >
                      Stop
                    </Button>
                  ),
              },
            ]}
          />
        )}
      </Found>
      {stopping !== null && (
        <StopLease lease={stopping} name={nameOf(stopping)} onClose={() => setStopping(null)} />
      )}
    </>
  );
}

function LeaseState({ lease }: { lease: Lease }) {
  return (
    <Stack gap={0}>
      <Badge
        miw="max-content"
        variant="light"
        color={lease.state === STOPPED ? "gray" : lease.is_answered ? "teal" : "orange"}
      >
        {lease.state.toLowerCase().replaceAll("_", " ")}
      </Badge>
      {!lease.is_answered && <Text size="xs">the engine has not answered</Text>}
      {lease.state_reason !== "" && (
        <Text size="xs" c="dimmed">
          {lease.state_reason}
        </Text>
      )}
    </Stack>
  );
}

function StopLease({ lease, name, onClose }: { lease: Lease; name: string; onClose: () => void }) {
  const { api } = usePlatform();
  const [stopped, setStopped] = useState<Lease | null>(null);
  const action = useAction<void, Lease>(
    () =>
      answerOf(api.DELETE("/limits/leases/{lease_id}", { params: { path: { lease_id: lease.lease_id } } })),
    {
      changes: [LIMITS_KEY],
      onDone: (answer) => (answer.is_answered ? onClose() : setStopped(answer)),
    },
  );
  return (
    <Modal opened onClose={onClose} title={`Stop the lease of ${name}`} centered>
      <Stack>
        <Text size="sm">
          No order in {lease.symbol} at {lease.venue} passes by it any more; open orders stay. What no order
          has taken is free when the engine has answered.
        </Text>
        {action.error !== null && (
          <Alert color="red" role="alert">
            {action.error.message}
          </Alert>
        )}
        {stopped !== null && (
          <Alert color="orange" role="alert">
            It is stopped, but the engine has not answered: it may go by the lease until it runs out
            {stopped.expires_at === null ? "" : ` at ${shownTime(stopped.expires_at)}`}.
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {stopped === null ? "Leave it" : "Close"}
          </Button>
          {stopped === null && (
            <Button color="red" loading={action.isRunning} onClick={() => action.run()}>
              Stop it
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}
