import { Select, Text } from "@mantine/core";
import { useState } from "react";
import type { Action } from "../../../ui/useAction";
import { FormDialog } from "./FormDialog";
import { OVERLAPS } from "./moments";

/** Another secret; the one before works for the overlap, in seconds. */
export function RotateSecretDialog({
  name,
  action,
  onClose,
}: {
  name: string;
  action: Action<number>;
  onClose: () => void;
}) {
  const [overlap, setOverlap] = useState("86400");
  return (
    <FormDialog
      title={`Another secret for ${name}`}
      confirm="Rotate"
      action={action}
      fields={["overlap_s"]}
      onSubmit={() => action.run(Number(overlap))}
      onClose={onClose}
    >
      {(errors) => (
        <>
          <Select
            label="The secret before works on for"
            data={OVERLAPS}
            value={overlap}
            error={errors.overlap_s}
            allowDeselect={false}
            onChange={(chosen) => chosen !== null && setOverlap(chosen)}
          />
          <Text size="sm" c="dimmed">
            The new one is shown once, next.
          </Text>
        </>
      )}
    </FormDialog>
  );
}
