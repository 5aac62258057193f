import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

/** Asks whether it is meant, where no reason is asked for. */
export function ConfirmDialog({
  title,
  children,
  confirm,
  problem,
  isRunning,
  onConfirm,
  onClose,
}: {
  title: string;
  /** What it will do, in a sentence. */
  children: ReactNode;
  /** The button's word: what is done, not "OK". */
  confirm: string;
  problem: Error | null;
  isRunning: boolean;
  onConfirm: () => void;
  onClose: () => void;
}) {
  return (
    <Modal opened onClose={onClose} title={title} centered>
      <Stack>
        <Text size="sm" component="div">
          {children}
        </Text>
        {problem !== null && (
          <Alert color="red" role="alert">
            {problem.message}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button onClick={onConfirm} loading={isRunning} data-autofocus>
            {confirm}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
