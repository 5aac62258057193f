import { Button, Stack, Text } from "@mantine/core";
import { answerOf } from "../api/client";
import { usePlatform } from "../platform";
import { useAction } from "../ui/useAction";
import { useMay } from "../ui/useMe";
import type { Alert } from "./alerts";

/** Takes an alert up, and with it those of its group until then that are no worse. */
export function Acknowledge({ alert, note = "" }: { alert: Alert; note?: string }) {
  const { api } = usePlatform();
  const acknowledging = useAction(
    () =>
      answerOf(
        api.POST("/alerts/{alert_id}/acknowledge", {
          params: { path: { alert_id: alert.alert_id } },
          body: { note: note.trim() === "" ? null : note.trim() },
        }),
      ),
    { changes: [["alerts"]] },
  );
  return (
    <AcknowledgeButton
      label="Acknowledge"
      about={alert.title}
      isRunning={acknowledging.isRunning}
      error={acknowledging.error}
      onClick={() => acknowledging.run(undefined)}
    />
  );
}

/** All of its group that is open, also what is worse or came later. */
export function AcknowledgeGroup({ alert, note = "" }: { alert: Alert; note?: string }) {
  const { api } = usePlatform();
  const acknowledging = useAction(
    () =>
      answerOf(
        api.POST("/alerts/acknowledge", {
          body: { group_key: alert.group_key, note: note.trim() === "" ? null : note.trim() },
        }),
      ),
    { changes: [["alerts"]] },
  );
  return (
    <AcknowledgeButton
      label="Acknowledge all of its group"
      about={alert.title}
      isRunning={acknowledging.isRunning}
      error={acknowledging.error}
      onClick={() => acknowledging.run(undefined)}
    />
  );
}

function AcknowledgeButton({
  label,
  about,
  isRunning,
  error,
  onClick,
}: {
  label: string;
  about: string;
  isRunning: boolean;
  error: Error | null;
  onClick: () => void;
}) {
  const may = useMay();
  if (!may("alerts:acknowledge")) return null;
  return (
    <Stack gap={4}>
      <Button
        size="sm"
        variant="light"
        loading={isRunning}
        onClick={onClick}
        aria-label={`${label}: ${about}`}
      >
        {label}
      </Button>
      {error !== null && (
        <Text size="sm" c="red" role="alert">
          {error.message}
        </Text>
      )}
    </Stack>
  );
}
