import { Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { useMay } from "../../../ui/useMe";
import { mayBeCanceled, mayBeReplaced } from "../orderWords";
import { label } from "./columns";
import type { ShownOrder } from "./merge";
import { ReplaceDialog } from "./ReplaceDialog";

/** Cancel and change, where role and order allow it. */
export function OrderActions({ order }: { order: ShownOrder }) {
  const { api } = usePlatform();
  const may = useMay();
  const [isReplacing, setReplacing] = useState(false);
  const cancelling = useAction(
    (orderId: string) =>
      answerOf(api.DELETE("/orders/{order_id}", { params: { path: { order_id: orderId } } })),
    { changes: [["orders"]] },
  );
  const isReplaceable = mayBeReplaced({ ...order, execution: order.execution ?? null });
  return (
    <Group gap="xs" justify="flex-end" wrap="nowrap">
      {cancelling.error !== null && (
        <Text size="xs" c="red" role="alert">
          {cancelling.error.message}
        </Text>
      )}
      {may("orders:create") && isReplaceable && order.execution !== undefined && (
        <Button
          size="compact-xs"
          variant="default"
          onClick={() => setReplacing(true)}
          aria-label={`Change ${label(order)}`}
        >
          Change
        </Button>
      )}
      {may("orders:cancel") && mayBeCanceled(order) && (
        <Button
          size="compact-xs"
          variant="light"
          color="red"
          loading={cancelling.isRunning}
          onClick={() => cancelling.run(order.order_id)}
          aria-label={`Cancel ${label(order)}`}
        >
          Cancel
        </Button>
      )}
      {isReplacing && <ReplaceDialog order={order} onClose={() => setReplacing(false)} />}
    </Group>
  );
}
