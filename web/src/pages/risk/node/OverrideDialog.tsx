import { Alert, Button, Group, Modal, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { shownAmount } from "../../../ui/amounts";
import { formProblem } from "../../../ui/formProblem";
import { useAction } from "../../../ui/useAction";
import { limitName } from "../model/limitWords";
import { localIn } from "../model/moments";
import { type OverrideRequest, overrideRequestOf } from "../model/overrides";
import type { Limit } from "../model/types";
import { LIMITS_KEY } from "../shared/queries";

const FIELDS = ["value", "starts_at", "ends_at", "reason"];
const USUAL_HOURS = 2;

/** Asks for another value for a while; it counts when somebody else has approved it. */
export function OverrideDialog({
  limit,
  nodeName,
  onClose,
}: {
  limit: Pick<Limit, "limit_id" | "limit_type" | "instrument" | "set_value">;
  nodeName: string;
  onClose: () => void;
}) {
  const { api } = usePlatform();
  const [value, setValue] = useState("");
  const [startsAt, setStartsAt] = useState("");
  const [endsAt, setEndsAt] = useState(() => localIn(USUAL_HOURS, Date.now()));
  const [reason, setReason] = useState("");
  const [wrong, setWrong] = useState<Readonly<Record<string, string>>>({});
  const action = useAction((body: OverrideRequest) => answerOf(api.POST("/limits/overrides", { body })), {
    changes: [LIMITS_KEY],
    onDone: onClose,
  });
  const problem = formProblem(action.error, FIELDS);
  const errors: Readonly<Record<string, string>> = { ...problem.fields, ...wrong };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const request = overrideRequestOf({ limitId: limit.limit_id, value, startsAt, endsAt, reason });
    if ("errors" in request) return setWrong(request.errors);
    setWrong({});
    action.run(request);
  };
  return (
    <Modal opened onClose={onClose} title={`Another value for ${limitName(limit)}`} centered>
      <form onSubmit={submit} noValidate>
        <Stack>
          <Text size="sm">
            Of {nodeName}, set to {shownAmount(limit.set_value ?? "")}. Somebody else has to approve it; it
            lasts seven days at most and ends by itself.
          </Text>
          {problem.rest !== null && (
            <Alert color="red" role="alert">
              {problem.rest}
            </Alert>
          )}
          <TextInput
            label="Value"
            required
            data-autofocus
            inputMode="decimal"
            autoComplete="off"
            value={value}
            error={errors.value}
            onChange={(event) => setValue(event.currentTarget.value)}
          />
          <Group grow align="flex-start">
            <TextInput
              label="From"
              description="Your time; empty: once approved"
              type="datetime-local"
              value={startsAt}
              error={errors.starts_at}
              onChange={(event) => setStartsAt(event.currentTarget.value)}
            />
            <TextInput
              label="Until"
              description="Your time"
              type="datetime-local"
              required
              value={endsAt}
              error={errors.ends_at}
              onChange={(event) => setEndsAt(event.currentTarget.value)}
            />
          </Group>
          <Textarea
            label="Reason"
            required
            autosize
            maxLength={500}
            value={reason}
            error={errors.reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={action.isRunning}>
              Ask for it
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
