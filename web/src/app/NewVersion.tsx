import { Button, Group, Paper, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { watchVersions } from "./versions";

/** Says that another version of the app is there. What one is doing goes on until one reloads. */
export function NewVersion() {
  const [isThere, setIsThere] = useState(false);
  const navigate = useNavigate();
  useEffect(
    () =>
      watchVersions(
        () => setIsThere(true),
        (address) => void navigate({ to: address } as never),
      ),
    [navigate],
  );
  return (
    <div role="status" aria-live="polite">
      {isThere && (
        <Paper withBorder p="xs" mb="md" bg="var(--mantine-color-blue-light)">
          <Group justify="space-between">
            <Text size="sm">A new version is there.</Text>
            <Button size="compact-sm" onClick={() => location.reload()}>
              Reload
            </Button>
          </Group>
        </Paper>
      )}
    </div>
  );
}
