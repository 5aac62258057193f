import { Alert, Button, Group, List, Modal, Stack } from "@mantine/core";

/** What the server took, and what it has to say of it. */
export function TakenWithWarnings({
  title,
  warnings,
  onClose,
}: {
  title: string;
  warnings: readonly string[];
  onClose: () => void;
}) {
  return (
    <Modal opened onClose={onClose} title={title} centered>
      <Stack>
        <Alert color="orange" role="alert" title="It was taken, but">
          <List size="sm">
            {warnings.map((warning) => (
              <List.Item key={warning}>{warning}</List.Item>
            ))}
          </List>
        </Alert>
        <Group justify="flex-end">
          <Button onClick={onClose} data-autofocus>
            Close
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
