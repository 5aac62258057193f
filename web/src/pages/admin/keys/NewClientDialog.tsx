import { Select } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { personChoices, usePeople } from "../parts/directory";
import { FormDialog } from "../parts/FormDialog";
import { NARROWING_FIELDS, NarrowingFields } from "./NarrowingFields";
import { type ClientForm, clientRequest, NEW_CLIENT } from "./newKey";

export const CLIENTS = ["admin", "clients"] as const;

export function NewClientDialog({
  onClose,
  onMade,
}: {
  onClose: () => void;
  onMade: (secret: components["schemas"]["NewSecret"]) => void;
}) {
  const { api } = usePlatform();
  const people = personChoices(usePeople().data);
  const [form, setForm] = useState<ClientForm>(NEW_CLIENT);
  const set = (part: Partial<ClientForm>) => setForm((before) => ({ ...before, ...part }));
  const make = useAction(
    (terms: ClientForm) => answerOf(api.POST("/oauth-clients", { body: clientRequest(terms) })),
    { changes: [CLIENTS], onDone: onMade },
  );
  return (
    <FormDialog
      title="New client"
      confirm="Create client"
      action={make}
      fields={[...NARROWING_FIELDS, "user_id"]}
      onSubmit={() => make.run(form)}
      onClose={onClose}
      isReady={form.scopes.length > 0 && form.userId !== null}
    >
      {(errors) => (
        <>
          <Select
            label="User whose rights it narrows"
            description="Best one of its own, with few accounts: invite it first"
            required
            searchable
            data={people}
            value={form.userId}
            error={errors.user_id}
            limit={100}
            onChange={(userId) => set({ userId })}
          />
          <NarrowingFields form={form} set={set} errors={errors} />
        </>
      )}
    </FormDialog>
  );
}
