import { Alert, Button, Code, CopyButton, Group, Modal, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";

export interface Shown {
  readonly name: string;
  readonly value: string;
}

/** A secret that the server has told and never tells again: it is copied now, and closing says that it was. */
export function SecretOnce({
  title,
  parts,
  isSecret = true,
  onClose,
  children,
}: {
  title: string;
  /** What is shown, such as the id and the secret, each to be copied. */
  parts: readonly Shown[];
  /** False where there is nothing that cannot be shown again, as of a key by its public half. */
  isSecret?: boolean;
  onClose: () => void;
  /** What follows of it, such as until when the secret before works. */
  children?: ReactNode;
}) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      centered
      size="lg"
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
    >
      <Stack>
        {isSecret && (
          <Alert color="orange" icon={<IconAlertTriangle />} title="Copy it now">
            It is shown this once. Nobody, not even an administrator, can show it again.
          </Alert>
        )}
        {parts.map((part) => (
          <Stack key={part.name} gap={4}>
            <Text size="sm" fw={600}>
              {part.name}
            </Text>
            <Group wrap="nowrap" align="flex-start">
              <Code block flex={1} style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
                {part.value}
              </Code>
              <CopyButton value={part.value}>
                {({ copied, copy }) => (
                  <Button variant="light" onClick={copy} aria-label={`Copy ${part.name}`}>
                    <span aria-live="polite">{copied ? "Copied" : "Copy"}</span>
                  </Button>
                )}
              </CopyButton>
            </Group>
          </Stack>
        ))}
        {children}
        <Group justify="flex-end">
          <Button onClick={onClose}>{isSecret ? "I have kept it" : "Close"}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
