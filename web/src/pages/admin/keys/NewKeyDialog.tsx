import { Select, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { accountChoices, useAccounts } from "../parts/directory";
import { FormDialog } from "../parts/FormDialog";
import { NARROWING_FIELDS, NarrowingFields } from "./NarrowingFields";
import { type KeyForm, keyRequest, NEW_KEY } from "./newKey";

type NewApiKey = components["schemas"]["NewApiKey"];

export const KEYS = ["admin", "keys"] as const;

const WAYS = [
  { value: "HMAC", label: "A secret that is made here and shown once" },
  { value: "ED25519", label: "An Ed25519 public key; nothing secret is kept here" },
];

export function NewKeyDialog({ onClose, onMade }: { onClose: () => void; onMade: (key: NewApiKey) => void }) {
  const { api } = usePlatform();
  const accounts = accountChoices(useAccounts().data);
  const [form, setForm] = useState<KeyForm>(NEW_KEY);
  const set = (part: Partial<KeyForm>) => setForm((before) => ({ ...before, ...part }));
  const make = useAction((terms: KeyForm) => answerOf(api.POST("/api-keys", { body: keyRequest(terms) })), {
    changes: [KEYS],
    onDone: onMade,
  });
  return (
    <FormDialog
      title="New API key"
      confirm="Create key"
      action={make}
      fields={[...NARROWING_FIELDS, "account_id", "public_key"]}
      onSubmit={() => make.run(form)}
      onClose={onClose}
      isReady={form.scopes.length > 0}
    >
      {(errors) => (
        <>
          <NarrowingFields form={form} set={set} errors={errors} />
          <Select
            label="Account of a bot"
            description="Which one it trades at the endpoint that speaks as an exchange does"
            data={accounts}
            value={form.accountId}
            error={errors.account_id}
            searchable
            clearable
            clearButtonProps={{ "aria-label": "No account" }}
            onChange={(accountId) => set({ accountId })}
          />
          <Select
            label="It proves itself with"
            data={WAYS}
            value={form.way}
            allowDeselect={false}
            onChange={(way) => way !== null && set({ way: way as KeyForm["way"] })}
          />
          {form.way === "ED25519" && (
            <PublicKey
              value={form.publicKey}
              error={errors.public_key}
              onChange={(publicKey) => set({ publicKey })}
            />
          )}
          <Text size="xs" c="dimmed">
            A key never does more than you may at that moment, and ends for good when you are disabled.
          </Text>
        </>
      )}
    </FormDialog>
  );
}

export function PublicKey({
  value,
  error,
  onChange,
}: {
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}) {
  return (
    <Textarea
      label="Public key"
      description="As PEM: openssl pkey -in bot.pem -pubout"
      placeholder="-----BEGIN PUBLIC KEY-----"
      required
      autosize
      minRows={3}
      maxLength={500}
      styles={{ input: { fontFamily: "monospace" } }}
      value={value}
      error={error}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
