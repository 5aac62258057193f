import { Alert, Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import { formProblem } from "./formProblem";
import type { Action } from "./useAction";

/** Asks whether it is meant, and why. The reason is required, and kept in the audit trail by the server. */
export function ReasonDialog({
  title,
  children,
  confirm,
  action,
  onClose,
}: {
  title: string;
  /** What it will do, in a sentence. */
  children: ReactNode;
  /** The button's word: what is done, not "OK". */
  confirm: string;
  action: Action<string>;
  onClose: () => void;
}) {
  const [reason, setReason] = useState("");
  const problem = formProblem(action.error, ["reason"]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    action.run(reason.trim());
  };
  return (
    <Modal opened onClose={onClose} title={title} centered>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">{children}</Text>
          {problem.rest !== null && (
            <Alert color="red" role="alert">
              {problem.rest}
            </Alert>
          )}
          <Textarea
            label="Reason"
            required
            data-autofocus
            maxLength={500}
            autosize
            value={reason}
            error={problem.fields.reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" color="red" loading={action.isRunning} disabled={reason.trim() === ""}>
              {confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
