import { Button, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { PageFrame } from "../../../ui/PageFrame";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { useMe } from "../../../ui/useMe";
import { SecretOnce } from "../parts/SecretOnce";
import { KeyTable } from "./KeyTable";
import { KEYS, NewKeyDialog } from "./NewKeyDialog";
import { standingOf } from "./newKey";
import { RotateKeyDialog } from "./RotateKeyDialog";

type Schemas = components["schemas"];
type ApiKey = Schemas["ApiKey"];

type Asked =
  | { readonly kind: "NEW" }
  | { readonly kind: "ROTATE" | "REVOKE"; readonly key: ApiKey }
  | { readonly kind: "SHOWN"; readonly key: Schemas["NewApiKey"] | Schemas["RotatedApiKey"] }
  | null;

export default function KeysPage() {
  const { api } = usePlatform();
  const me = useMe();
  const [asked, setAsked] = useState<Asked>(null);
  const keys = useQuery({
    queryKey: KEYS,
    queryFn: async () => (await answerOf(api.GET("/api-keys"))).items,
  });
  const close = () => setAsked(null);
  const now = new Date();
  return (
    <PageFrame title="API keys" actions={<Button onClick={() => setAsked({ kind: "NEW" })}>New key</Button>}>
      <Found query={keys}>
        {(found) => (
          <KeyTable
            label="API keys"
            keys={found}
            idOf={(key) => key.key_id}
            empty="No API keys. A bot signs its requests with one, so that nobody's password is in a program."
            nameOfUser="Of"
            standingOf={(key) => standingOf(key, now)}
            isOver={(key) => ["EXPIRED", "REVOKED"].includes(standingOf(key, now))}
            more={[{ name: "Made", show: (key) => shownTime(key.created_at) }]}
            mayRotate={(key) => key.username === me?.username && key.replaced_by === null}
            onRotate={(key) => setAsked({ kind: "ROTATE", key })}
            onRevoke={(key) => setAsked({ kind: "REVOKE", key })}
          />
        )}
      </Found>
      {asked?.kind === "NEW" && (
        <NewKeyDialog onClose={close} onMade={(key) => setAsked({ kind: "SHOWN", key })} />
      )}
      {asked?.kind === "ROTATE" && (
        <RotateKeyDialog
          apiKey={asked.key}
          onClose={close}
          onRotated={(key) => setAsked({ kind: "SHOWN", key })}
        />
      )}
      {asked?.kind === "REVOKE" && <RevokeKey apiKey={asked.key} onClose={close} />}
      {asked?.kind === "SHOWN" && <KeyShown apiKey={asked.key} onClose={close} />}
    </PageFrame>
  );
}

function RevokeKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const { api } = usePlatform();
  const revoke = useAction(
    (key_id: string) => answerOf(api.DELETE("/api-keys/{key_id}", { params: { path: { key_id } } })),
    { changes: [KEYS], onDone: onClose },
  );
  return (
    <ConfirmDialog
      title={`Revoke ${apiKey.name}`}
      confirm="Revoke"
      error={revoke.error}
      isRunning={revoke.isRunning}
      onConfirm={() => revoke.run(apiKey.key_id)}
      onClose={onClose}
    >
      It ends within 5 seconds and for good, and so does every key that was made with it. Open orders stay.
    </ConfirmDialog>
  );
}

function KeyShown({
  apiKey,
  onClose,
}: {
  apiKey: Schemas["NewApiKey"] | Schemas["RotatedApiKey"];
  onClose: () => void;
}) {
  const secret = apiKey.api_key === null ? [] : [{ name: "API key", value: apiKey.api_key }];
  return (
    <SecretOnce
      title={`The key ${apiKey.name}`}
      parts={[{ name: "Key id", value: apiKey.key_id }, ...secret]}
      isSecret={apiKey.api_key !== null}
      onClose={onClose}
    >
      {"works_until" in apiKey && (
        <Text size="sm">The key before it works until {shownTime(apiKey.works_until)}.</Text>
      )}
    </SecretOnce>
  );
}
