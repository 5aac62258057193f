import { Alert, Button, Group, List, Modal, Stack, Text } from "@mantine/core";
import { outcomeOfKill } from "../model/stopping";
import type { KilledNode } from "../model/types";
import { OrderLink } from "../shared/NodeLink";

const NAMED_MAX = 20;

/** What a kill cancelled and what it could not: until those are over, somebody must watch. */
export function KillOutcome({
  killed,
  onClose,
  again,
}: {
  killed: KilledNode;
  onClose: () => void;
  /** To kill once more: it does no harm, and cancels what is still open. */
  again: () => void;
}) {
  const { words, isComplete } = outcomeOfKill(killed);
  return (
    <Modal opened onClose={onClose} title={`${killed.name} is killed`} centered>
      <Stack>
        <Alert color={isComplete ? "teal" : "red"} role="alert">
          {words}
        </Alert>
        {killed.failed.length > 0 && (
          <section aria-label="Orders that may still be open">
            <Text size="sm" fw={600}>
              May still be open
            </Text>
            <List size="sm">
              {killed.failed.slice(0, NAMED_MAX).map((failed) => (
                <List.Item key={failed.order_id}>
                  <OrderLink orderId={failed.order_id} />: {failed.reason}
                </List.Item>
              ))}
            </List>
            {killed.failed.length > NAMED_MAX && (
              <Text size="sm">and {killed.failed.length - NAMED_MAX} more</Text>
            )}
          </section>
        )}
        {killed.canceled.length > 0 && (
          <section aria-label="Cancelled orders">
            <Text size="sm" fw={600}>
              Cancelled
            </Text>
            <Text size="sm" component="div">
              {killed.canceled.slice(0, NAMED_MAX).map((orderId, index) => (
                <span key={orderId}>
                  {index > 0 && ", "}
                  <OrderLink orderId={orderId} />
                </span>
              ))}
              {killed.canceled.length > NAMED_MAX && ` and ${killed.canceled.length - NAMED_MAX} more`}
            </Text>
          </section>
        )}
        <Group justify="flex-end">
          {!isComplete && (
            <Button variant="default" color="red" onClick={again}>
              Kill again
            </Button>
          )}
          <Button onClick={onClose} data-autofocus>
            Close
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
