import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

/** Asks whether it is meant. Where the server keeps a reason, `ReasonDialog` asks for it too. */
export function ConfirmDialog({
  title,
  children,
  confirm,
  isRunning,
  error,
  onConfirm,
  onClose,
}: {
  title: string;
  /** What it will do. */
  children: ReactNode;
  /** The button's word: what is done, not "OK". */
  confirm: string;
  isRunning: boolean;
  error: Error | null;
  onConfirm: () => void;
  onClose: () => void;
}) {
  return (
    <Modal opened onClose={onClose} title={title} centered>
      <Stack>
        <Text size="sm" component="div">
          {children}
        </Text>
        {error !== null && (
          <Alert color="red" role="alert">
            {error.message}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Leave it
          </Button>
          <Button color="red" loading={isRunning} onClick={onConfirm}>
            {confirm}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
