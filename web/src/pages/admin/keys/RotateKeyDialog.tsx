import { Select, Switch } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { FormDialog } from "../parts/FormDialog";
import { OVERLAPS } from "../parts/moments";
import { KEYS, PublicKey } from "./NewKeyDialog";

type Schemas = components["schemas"];

/** Another key that may do the same; the one before works for the overlap. */
export function RotateKeyDialog({
  apiKey,
  onClose,
  onRotated,
}: {
  apiKey: Schemas["ApiKey"];
  onClose: () => void;
  onRotated: (key: Schemas["RotatedApiKey"]) => void;
}) {
  const { api } = usePlatform();
  const [overlap, setOverlap] = useState("86400");
  const [isPair, setIsPair] = useState(false);
  const [publicKey, setPublicKey] = useState("");
  const rotate = useAction(
    (body: Schemas["ApiKeyRotation"]) =>
      answerOf(api.POST("/api-keys/{key_id}/rotate", { params: { path: { key_id: apiKey.key_id } }, body })),
    { changes: [KEYS], onDone: onRotated },
  );
  const submit = () =>
    rotate.run({ overlap_s: Number(overlap), public_key: isPair ? `${publicKey.trim()}\n` : null });
  return (
    <FormDialog
      title={`Rotate ${apiKey.name}`}
      confirm="Rotate"
      action={rotate}
      fields={["overlap_s", "public_key"]}
      onSubmit={submit}
      onClose={onClose}
    >
      {(errors) => (
        <>
          <Select
            label="The key before works on for"
            data={OVERLAPS}
            value={overlap}
            error={errors.overlap_s}
            allowDeselect={false}
            onChange={(chosen) => chosen !== null && setOverlap(chosen)}
          />
          <Switch
            label="It is an Ed25519 key"
            checked={isPair}
            {...(isPair ? {} : { error: errors.public_key })}
            onChange={(event) => setIsPair(event.currentTarget.checked)}
          />
          {isPair && <PublicKey value={publicKey} error={errors.public_key} onChange={setPublicKey} />}
        </>
      )}
    </FormDialog>
  );
}
