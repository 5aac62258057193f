import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { limitName } from "../model/limitWords";
import type { Limit } from "../model/types";
import { LIMITS_KEY } from "../shared/queries";

export function RemoveLimitDialog({
  limit,
  nodeName,
  onClose,
}: {
  limit: Limit;
  nodeName: string;
  onClose: () => void;
}) {
  const { api } = usePlatform();
  const action = useAction<void, unknown>(
    () => answerOf(api.DELETE("/limits/{limit_id}", { params: { path: { limit_id: limit.limit_id } } })),
    { changes: [LIMITS_KEY], onDone: onClose },
  );
  return (
    <Modal opened onClose={onClose} title="Take a limit away" centered>
      <Stack>
        {action.error !== null && (
          <Alert color="red" role="alert">
            {action.error.message}
          </Alert>
        )}
        <Text size="sm">
          {limitName(limit)} of {nodeName} holds no more, at once. Its history stays.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Leave it
          </Button>
          <Button color="red" loading={action.isRunning} onClick={() => action.run()}>
            Take it away
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
