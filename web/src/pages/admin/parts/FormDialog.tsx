import { Alert, Button, Group, Modal, type ModalProps, Stack } from "@mantine/core";
import type { FormEvent, ReactNode } from "react";
import { plainProblem } from "./plainProblem";

/** A form in a dialog: what the server refuses stands at the field that it is about, and what was typed stays. */
export function FormDialog({
  title,
  confirm,
  action,
  fields,
  patterns,
  onSubmit,
  onClose,
  isReady = true,
  size = "md",
  children,
}: {
  title: string;
  /** The button's word: what is done, not "OK". */
  confirm: string;
  action: { readonly isRunning: boolean; readonly error: Error | null };
  /** The server's names of what the form asks. */
  fields: readonly string[];
  /** What is meant by the pattern of a field, which the server would tell as a regular expression. */
  patterns?: Readonly<Record<string, string>>;
  onSubmit: () => void;
  onClose: () => void;
  isReady?: boolean;
  size?: NonNullable<ModalProps["size"]>;
  children: (errors: Readonly<Record<string, string>>) => ReactNode;
}) {
  const problem = plainProblem(action.error, fields, patterns);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      centered
      size={size}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form onSubmit={submit}>
        <Stack>
          {problem.rest !== null && (
            <Alert color="red" role="alert">
              {problem.rest}
            </Alert>
          )}
          {children(problem.fields)}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={action.isRunning} disabled={!isReady}>
              {confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
