import { Button, Code, Group, Stack, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { type Column, DataTable } from "../../../ui/DataTable";
import { PageFrame } from "../../../ui/PageFrame";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { useAddress } from "../../../ui/useAddress";
import { useMe } from "../../../ui/useMe";
import { SecretOnce } from "../parts/SecretOnce";
import { KEYS, NewKeyDialog } from "./NewKeyDialog";
import { standingOf } from "./newKey";
import { RotateKeyDialog } from "./RotateKeyDialog";
import { LastUse, StandingBadge } from "./StandingBadge";

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
  const [ended, showEnded] = useAddress("ended", "no");
  const keys = useQuery({
    queryKey: KEYS,
    queryFn: async () => (await answerOf(api.GET("/api-keys"))).items,
  });
  const close = () => setAsked(null);
  const now = new Date();
  const isOver = (key: ApiKey) => ["EXPIRED", "REVOKED"].includes(standingOf(key, now));
  return (
    <PageFrame title="API keys" actions={<Button onClick={() => setAsked({ kind: "NEW" })}>New key</Button>}>
      <Switch
        label="Show those that ended"
        checked={ended === "yes"}
        onChange={(event) => showEnded(event.currentTarget.checked ? "yes" : "no")}
      />
      <Found query={keys}>
        {(found) => (
          <DataTable
            label="API keys"
            rows={found.filter((key) => ended === "yes" || !isOver(key))}
            keyOf={(key) => key.key_id}
            empty="No API keys. A bot signs its requests with one, so that nobody's password is in a program."
            minWidth={900}
            columns={[
              ...columns(now),
              {
                name: "Actions",
                show: (key) =>
                  isOver(key) ? null : (
                    <Group gap="xs" wrap="nowrap" justify="flex-end">
                      {key.username === me?.username && key.replaced_by === null && (
                        <Button
                          size="compact-sm"
                          variant="light"
                          onClick={() => setAsked({ kind: "ROTATE", key })}
                          aria-label={`Rotate ${key.name}`}
                        >
                          Rotate
                        </Button>
                      )}
                      <Button
                        size="compact-sm"
                        variant="light"
                        color="red"
                        onClick={() => setAsked({ kind: "REVOKE", key })}
                        aria-label={`Revoke ${key.name}`}
                      >
                        Revoke
                      </Button>
                    </Group>
                  ),
              },
            ]}
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

function columns(now: Date): readonly Column<ApiKey>[] {
  return [
    {
      name: "Name",
      show: (key) => (
        <Stack gap={2} align="flex-start">
          <Text size="sm" fw={600}>
            {key.name}
          </Text>
          <Code>{key.key_id}</Code>
        </Stack>
      ),
    },
    { name: "Of", show: (key) => key.username },
    { name: "Scopes", show: (key) => key.scopes.join(", ").replaceAll("_", " ") },
    { name: "From", show: (key) => (key.ip_allow.length === 0 ? "anywhere" : key.ip_allow.join(", ")) },
    { name: "Last used", show: (key) => <LastUse at={key.last_used_at} from={key.last_used_from} /> },
    { name: "Made", show: (key) => shownTime(key.created_at) },
    {
      name: "State",
      show: (key) => <StandingBadge standing={standingOf(key, now)} until={key.expires_at} />,
    },
  ];
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
