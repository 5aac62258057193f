import { Alert, Badge, Button, Group, Stack, Text } from "@mantine/core";
import { type PushDevice, usePush } from "../../alerts/usePush";
import { Failed, Loading } from "../../ui/states";
import { shownTime } from "../../ui/times";

const WHY_NOT = {
  BLOCKED:
    "Notifications of this page are blocked in this browser. Allow them in its settings of the site, and reload.",
  NOT_INSTALLED:
    "On an iPhone or iPad, first put the app on the home screen: Share, then Add to Home Screen. Open it from there.",
  CANNOT: "This browser cannot be told while the app is closed.",
} as const;

/** Whether this device is told of alerts while the app is closed. */
export function PushSetting() {
  const { ability, devices, error, enable, remove } = usePush();
  const isHere = devices?.some((device) => device.isThis) ?? false;
  const failure = enable.error ?? remove.error;
  return (
    <Stack gap="sm" component="section" aria-label="Alerts while the app is closed">
      {error !== null && <Failed error={error} />}
      {(ability === undefined || devices === undefined) && error === null && <Loading lines={1} />}
      {ability !== undefined && ability !== "CAN" && <Text size="sm">{WHY_NOT[ability]}</Text>}
      {ability === "CAN" && devices !== undefined && !isHere && (
        <Group>
          <Button onClick={() => enable.run(undefined)} loading={enable.isRunning}>
            Tell me on this device
          </Button>
          <Text size="sm" c="dimmed">
            What is a warning or worse, outside of your quiet hours.
          </Text>
        </Group>
      )}
      {failure !== null && (
        <Alert color="red" role="alert">
          {failure.message}
        </Alert>
      )}
      {devices?.map((device) => (
        <Device
          key={device.device_id}
          device={device}
          isRunning={remove.isRunning}
          onRemove={() => remove.run(device)}
        />
      ))}
    </Stack>
  );
}

function Device({
  device,
  isRunning,
  onRemove,
}: {
  device: PushDevice;
  isRunning: boolean;
  onRemove: () => void;
}) {
  return (
    <Group justify="space-between">
      <Text size="sm">
        {device.name}{" "}
        <Text span c="dimmed">
          since {shownTime(device.created_at)}
        </Text>{" "}
        {device.isThis && (
          <Badge variant="light" color="teal">
            this device
          </Badge>
        )}
      </Text>
      <Button
        size="compact-sm"
        variant="default"
        loading={isRunning}
        onClick={onRemove}
        aria-label={`No more on ${device.name}`}
      >
        No more
      </Button>
    </Group>
  );
}
