import { Alert, Button, Code, Group, Modal, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { Empty, Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { Facts } from "../parts/Facts";
import { WEBHOOKS } from "./dialogs";
import type { Endpoint } from "./endpoint";

type Attempt = components["schemas"]["WebhookAttempt"];

/** One delivery with each of its attempts; it can be sent once more. */
export function DeliveryDialog({
  endpoint,
  deliveryId,
  onClose,
}: {
  endpoint: Endpoint;
  deliveryId: string;
  onClose: () => void;
}) {
  const { api } = usePlatform();
  const params = { path: { endpoint_id: endpoint.endpoint_id, delivery_id: deliveryId } };
  const detail = useQuery({
    queryKey: [...WEBHOOKS, endpoint.endpoint_id, "delivery", deliveryId],
    queryFn: () => answerOf(api.GET("/webhooks/{endpoint_id}/deliveries/{delivery_id}", { params })),
  });
  const redeliver = useAction(
    (_: null) => answerOf(api.POST("/webhooks/{endpoint_id}/deliveries/{delivery_id}/redeliver", { params })),
    { changes: [WEBHOOKS], onDone: onClose },
  );
  return (
    <Modal opened onClose={onClose} title="Delivery" size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      <Found query={detail}>
        {({ delivery, attempts }) => (
          <Stack>
            <Facts
              facts={[
                ["Topic", delivery.topic],
                ["Event", delivery.event_id],
                ["Number in the feed", delivery.sequence === null ? "none" : String(delivery.sequence)],
                ["Queued", shownTime(delivery.queued_at)],
              ]}
            />
            {attempts.length === 0 && <Empty>Not tried yet.</Empty>}
            {attempts.map((attempt) => (
              <AttemptShown key={attempt.attempt} attempt={attempt} />
            ))}
            {redeliver.error !== null && (
              <Alert color="red" role="alert">
                {redeliver.error.message}
              </Alert>
            )}
            {delivery.kind !== "PING" && (
              <Group justify="flex-end">
                <Button onClick={() => redeliver.run(null)} loading={redeliver.isRunning}>
                  Send once more
                </Button>
              </Group>
            )}
          </Stack>
        )}
      </Found>
    </Modal>
  );
}

function AttemptShown({ attempt }: { attempt: Attempt }) {
  return (
    <Stack gap={4}>
      <Text size="sm">
        <Text span fw={600}>
          {attempt.attempt}. {attempt.outcome.toLowerCase().replaceAll("_", " ")}
        </Text>{" "}
        {attempt.status !== null && `with ${attempt.status} `}after {attempt.latency_ms} ms,{" "}
        {shownTime(attempt.at)}
      </Text>
      {attempt.detail !== "" && <Text size="sm">{attempt.detail}</Text>}
      {attempt.answer !== "" && (
        <Code block mah={160} style={{ overflow: "auto", whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
          {attempt.answer}
        </Code>
      )}
    </Stack>
  );
}
