import { Alert, Button, Group, Modal, Stack, Textarea } from "@mantine/core";
import type { FormEvent, ReactNode } from "react";
import { formProblem } from "../../../ui/formProblem";
import type { Action } from "../../../ui/useAction";
import { refusalWords } from "../model/stopping";

/** Asks why a node shall be in another state. What the server refuses is said in words. */
export function StateChangeDialog({
  title,
  nodeName,
  confirm,
  color,
  leave,
  reason,
  setReason,
  action,
  isReady = reason.trim() !== "",
  below,
  onClose,
  children,
}: {
  title: string;
  nodeName: string;
  /** The buttons' words: what is done, and what it is to do nothing. */
  confirm: string;
  leave: string;
  color: string;
  reason: string;
  setReason: (reason: string) => void;
  /** Is given the reason. */
  action: Action<string>;
  /** Where more is asked than a reason. */
  isReady?: boolean;
  /** What is asked after the reason. */
  below?: ReactNode;
  onClose: () => void;
  /** What it will do. */
  children: ReactNode;
}) {
  const atReason = formProblem(action.error, ["reason"]).fields.reason;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isReady) action.run(reason.trim());
  };
  return (
    <Modal opened onClose={onClose} title={title} centered>
      <form onSubmit={submit}>
        <Stack>
          {children}
          {action.error !== null && atReason === undefined && (
            <Alert color="red" role="alert">
              {refusalWords(action.error, nodeName)}
            </Alert>
          )}
          <Textarea
            label="Reason"
            required
            data-autofocus
            autosize
            maxLength={500}
            value={reason}
            error={atReason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          {below}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {leave}
            </Button>
            <Button type="submit" color={color} loading={action.isRunning} disabled={!isReady}>
              {confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
