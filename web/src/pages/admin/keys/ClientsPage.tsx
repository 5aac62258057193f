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
import { RotateSecretDialog } from "../parts/RotateSecretDialog";
import { SecretOnce } from "../parts/SecretOnce";
import { CLIENTS, NewClientDialog } from "./NewClientDialog";
import { standingOf } from "./newKey";
import { LastUse, StandingBadge } from "./StandingBadge";

type Schemas = components["schemas"];
type Client = Schemas["OAuthClient"];

type Asked =
  | { readonly kind: "NEW" }
  | { readonly kind: "ROTATE" | "REVOKE"; readonly client: Client }
  | { readonly kind: "SHOWN"; readonly secret: Schemas["NewSecret"] }
  | null;

export default function ClientsPage() {
  const { api } = usePlatform();
  const [asked, setAsked] = useState<Asked>(null);
  const [ended, showEnded] = useAddress("ended", "no");
  const clients = useQuery({
    queryKey: CLIENTS,
    queryFn: async () => (await answerOf(api.GET("/oauth-clients"))).items,
  });
  const close = () => setAsked(null);
  return (
    <PageFrame
      title="Clients of third parties"
      actions={<Button onClick={() => setAsked({ kind: "NEW" })}>New client</Button>}
    >
      <Text size="sm" c="dimmed" maw={720}>
        A server of somebody else comes in by OAuth 2.0 (client credentials) and may do what its user may,
        within its scopes.
      </Text>
      <Switch
        label="Show those that ended"
        checked={ended === "yes"}
        onChange={(event) => showEnded(event.currentTarget.checked ? "yes" : "no")}
      />
      <Found query={clients}>
        {(found) => (
          <DataTable
            label="Clients"
            rows={found.filter((client) => ended === "yes" || client.is_live)}
            keyOf={(client) => client.client_id}
            empty="No clients."
            minWidth={900}
            columns={[
              ...columns(new Date()),
              {
                name: "Actions",
                show: (client) =>
                  client.is_live && (
                    <Group gap="xs" wrap="nowrap" justify="flex-end">
                      <Button
                        size="compact-sm"
                        variant="light"
                        onClick={() => setAsked({ kind: "ROTATE", client })}
                        aria-label={`Rotate the secret of ${client.name}`}
                      >
                        Rotate
                      </Button>
                      <Button
                        size="compact-sm"
                        variant="light"
                        color="red"
                        onClick={() => setAsked({ kind: "REVOKE", client })}
                        aria-label={`Revoke ${client.name}`}
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
        <NewClientDialog onClose={close} onMade={(secret) => setAsked({ kind: "SHOWN", secret })} />
      )}
      {asked?.kind === "ROTATE" && (
        <RotateClient
          client={asked.client}
          onClose={close}
          onRotated={(secret) => setAsked({ kind: "SHOWN", secret })}
        />
      )}
      {asked?.kind === "REVOKE" && <RevokeClient client={asked.client} onClose={close} />}
      {asked?.kind === "SHOWN" && <ClientShown secret={asked.secret} onClose={close} />}
    </PageFrame>
  );
}

function columns(now: Date): readonly Column<Client>[] {
  return [
    {
      name: "Name",
      show: (client) => (
        <Stack gap={2} align="flex-start">
          <Text size="sm" fw={600}>
            {client.name}
          </Text>
          <Code>{client.client_id}</Code>
        </Stack>
      ),
    },
    { name: "As", show: (client) => client.username },
    { name: "Scopes", show: (client) => client.scopes.join(", ").replaceAll("_", " ") },
    {
      name: "From",
      show: (client) => (client.ip_allow.length === 0 ? "anywhere" : client.ip_allow.join(", ")),
    },
    {
      name: "Last used",
      show: (client) => <LastUse at={client.last_used_at} from={client.last_used_from} />,
    },
    {
      name: "State",
      show: (client) => (
        <StandingBadge
          // One whose user was disabled has ended too, and says no time.
          standing={client.is_live || client.revoked_at !== null ? standingOf(client, now) : "EXPIRED"}
          until={client.expires_at}
        />
      ),
    },
    {
      name: "Old secret",
      show: (client) =>
        client.older_secret_ends_at === null ? "" : `until ${shownTime(client.older_secret_ends_at)}`,
    },
  ];
}

function RotateClient({
  client,
  onClose,
  onRotated,
}: {
  client: Client;
  onClose: () => void;
  onRotated: (secret: Schemas["NewSecret"]) => void;
}) {
  const { api } = usePlatform();
  const path = { client_id: client.client_id };
  const rotate = useAction(
    (overlap_s: number) =>
      answerOf(api.POST("/oauth-clients/{client_id}/rotate", { params: { path }, body: { overlap_s } })),
    { changes: [CLIENTS], onDone: onRotated },
  );
  return <RotateSecretDialog name={client.name} action={rotate} onClose={onClose} />;
}

function RevokeClient({ client, onClose }: { client: Client; onClose: () => void }) {
  const { api } = usePlatform();
  const revoke = useAction(
    (client_id: string) =>
      answerOf(api.DELETE("/oauth-clients/{client_id}", { params: { path: { client_id } } })),
    { changes: [CLIENTS], onDone: onClose },
  );
  return (
    <ConfirmDialog
      title={`Revoke ${client.name}`}
      confirm="Revoke"
      error={revoke.error}
      isRunning={revoke.isRunning}
      onConfirm={() => revoke.run(client.client_id)}
      onClose={onClose}
    >
      It ends for good, and all tokens that it has bought end within 5 seconds.
    </ConfirmDialog>
  );
}

function ClientShown({ secret, onClose }: { secret: Schemas["NewSecret"]; onClose: () => void }) {
  return (
    <SecretOnce
      title="The client's secret"
      parts={[
        { name: "Client id", value: secret.client_id },
        { name: "Client secret", value: secret.client_secret },
      ]}
      onClose={onClose}
    >
      {secret.older_works_until !== null && (
        <Text size="sm">The secret before it works until {shownTime(secret.older_works_until)}.</Text>
      )}
    </SecretOnce>
  );
}
