import { Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Action } from "../../../ui/useAction";
import { FormDialog } from "./FormDialog";

/** Asks whether it is meant, where the server keeps no reason. */
export function ConfirmDialog<Terms>({
  title,
  confirm,
  action,
  terms,
  onClose,
  children,
}: {
  title: string;
  confirm: string;
  action: Action<Terms>;
  terms: Terms;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <FormDialog
      title={title}
      confirm={confirm}
      action={action}
      fields={[]}
      onSubmit={() => action.run(terms)}
      onClose={onClose}
      isDangerous
    >
      {() => <Text size="sm">{children}</Text>}
    </FormDialog>
  );
}
