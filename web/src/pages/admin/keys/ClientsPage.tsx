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
import { RotateSecretDialog } from "../parts/RotateSecretDialog";
import { SecretOnce } from "../parts/SecretOnce";
import { KeyTable } from "./KeyTable";
import { CLIENTS, NewClientDialog } from "./NewClientDialog";
import { type Standing, standingOf } from "./newKey";

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
  const clients = useQuery({
    queryKey: CLIENTS,
    queryFn: async () => (await answerOf(api.GET("/oauth-clients"))).items,
  });
  const close = () => setAsked(null);
  const now = new Date();
  return (
    <PageFrame
      title="Clients of third parties"
      actions={<Button onClick={() => setAsked({ kind: "NEW" })}>New client</Button>}
    >
      <Text size="sm" c="dimmed" maw={720}>
        A server of somebody else comes in by OAuth 2.0 (client credentials) and may do what its user may,
        within its scopes.
      </Text>
      <Found query={clients}>
        {(found) => (
          <KeyTable
            label="Clients"
            keys={found}
            idOf={(client) => client.client_id}
            empty="No clients."
            nameOfUser="As"
            standingOf={(client) => standingOfClient(client, now)}
            isOver={(client) => !client.is_live}
            more={[{ name: "Old secret", show: oldSecret }]}
            mayRotate={() => true}
            onRotate={(client) => setAsked({ kind: "ROTATE", client })}
            onRevoke={(client) => setAsked({ kind: "REVOKE", client })}
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

/** One whose user was disabled has ended too, and says no time. */
function standingOfClient(client: Client, now: Date): Standing {
  return client.is_live || client.revoked_at !== null ? standingOf(client, now) : "EXPIRED";
}

function oldSecret({ older_secret_ends_at }: Client): string {
  return older_secret_ends_at === null ? "" : `until ${shownTime(older_secret_ends_at)}`;
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
