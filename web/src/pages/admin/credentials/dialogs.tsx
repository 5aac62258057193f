import { Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { useAction } from "../../../ui/useAction";
import { accountChoices, useAccounts } from "../parts/directory";
import { FormDialog } from "../parts/FormDialog";
import { OVERLAPS } from "../parts/moments";
import { KeyFields, type KeyPair } from "./KeyFields";
import type { Version } from "./versions";

type Schemas = components["schemas"];

export const CREDENTIALS = ["admin", "credentials"] as const;

const NOTHING: KeyPair = { apiKey: "", secret: "" };

export function AddCredentialDialog({ onClose }: { onClose: () => void }) {
  const { api } = usePlatform();
  const accounts = accountChoices(useAccounts().data);
  const [pair, setPair] = useState(NOTHING);
  const [accountId, setAccountId] = useState<string | null>(null);
  const [venue, setVenue] = useState("");
  const [label, setLabel] = useState("");
  const add = useAction(
    (body: Schemas["ExchangeCredentialRequest"]) => answerOf(api.POST("/exchange-credentials", { body })),
    { changes: [CREDENTIALS], onDone: onClose },
  );
  const submit = () =>
    add.run({
      api_key: pair.apiKey.trim(),
      secret: pair.secret.trim(),
      account_id: accountId ?? "",
      venue: venue.trim().toUpperCase(),
      label: label.trim(),
    });
  return (
    <FormDialog
      title="Add a key of an exchange"
      confirm="Add"
      action={add}
      fields={["venue", "account_id", "label", "api_key", "secret"]}
      patterns={{ venue: "capital letters, digits and _, 16 at most" }}
      onSubmit={submit}
      onClose={onClose}
      isReady={accountId !== null}
    >
      {(errors) => (
        <>
          <TextInput
            label="Venue"
            description="Its name here, such as BINANCE"
            required
            data-autofocus
            maxLength={16}
            value={venue}
            error={errors.venue}
            onChange={(event) => setVenue(event.currentTarget.value)}
          />
          <Select
            label="Kept for the account"
            description="Others are granted afterwards"
            required
            searchable
            data={accounts}
            value={accountId}
            error={errors.account_id}
            onChange={setAccountId}
          />
          <TextInput
            label="Label"
            required
            maxLength={80}
            value={label}
            error={errors.label}
            onChange={(event) => setLabel(event.currentTarget.value)}
          />
          <KeyFields
            pair={pair}
            set={(part) => setPair((before) => ({ ...before, ...part }))}
            errors={errors}
          />
        </>
      )}
    </FormDialog>
  );
}

export function RotateCredentialDialog({ version, onClose }: { version: Version; onClose: () => void }) {
  const { api } = usePlatform();
  const [pair, setPair] = useState(NOTHING);
  const [overlap, setOverlap] = useState("3600");
  const path = { credential_id: version.credential_id };
  const rotate = useAction(
    (body: Schemas["RotationRequest"]) =>
      answerOf(api.POST("/exchange-credentials/{credential_id}/rotate", { params: { path }, body })),
    { changes: [CREDENTIALS], onDone: onClose },
  );
  const submit = () =>
    rotate.run({ api_key: pair.apiKey.trim(), secret: pair.secret.trim(), overlap_s: Number(overlap) });
  return (
    <FormDialog
      title={`Another key for ${version.venue} ${version.label}`}
      confirm="Rotate"
      action={rotate}
      fields={["api_key", "secret", "overlap_s"]}
      onSubmit={submit}
      onClose={onClose}
    >
      {(errors) => (
        <>
          <KeyFields
            pair={pair}
            set={(part) => setPair((before) => ({ ...before, ...part }))}
            errors={errors}
          />
          <Select
            label={`The key before, …${version.api_key_end}, is kept for`}
            data={OVERLAPS}
            value={overlap}
            error={errors.overlap_s}
            allowDeselect={false}
            onChange={(chosen) => chosen !== null && setOverlap(chosen)}
          />
        </>
      )}
    </FormDialog>
  );
}

export function DeleteCredentialDialog({ version, onClose }: { version: Version; onClose: () => void }) {
  const { api } = usePlatform();
  const remove = useAction(
    (credential_id: string) =>
      answerOf(api.DELETE("/exchange-credentials/{credential_id}", { params: { path: { credential_id } } })),
    { changes: [CREDENTIALS], onDone: onClose },
  );
  return (
    <ConfirmDialog
      title={`Delete ${version.venue} ${version.label}`}
      confirm="Delete"
      error={remove.error}
      isRunning={remove.isRunning}
      onConfirm={() => remove.run(version.credential_id)}
      onClose={onClose}
    >
      No account can trade with it from then on, and nobody can bring it back: it would have to be typed
      again. Delete it at the exchange as well.
    </ConfirmDialog>
  );
}
