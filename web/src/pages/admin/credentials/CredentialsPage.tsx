import { Button, Card, Code, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { PageFrame } from "../../../ui/PageFrame";
import { Empty, Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { accountChoices, nameOf, useAccounts } from "../parts/directory";
import { Facts } from "../parts/Facts";
import { GivenList } from "../parts/GivenList";
import { useGiving } from "../parts/useGiving";
import { AddCredentialDialog, CREDENTIALS, DeleteCredentialDialog, RotateCredentialDialog } from "./dialogs";
import { type Credential, credentialsOf, type Version } from "./versions";

type Asked =
  | { readonly kind: "ADD" }
  | { readonly kind: "ROTATE" | "DELETE"; readonly version: Version }
  | null;

export default function CredentialsPage() {
  const { api } = usePlatform();
  const [asked, setAsked] = useState<Asked>(null);
  const credentials = useQuery({
    queryKey: CREDENTIALS,
    queryFn: async () => credentialsOf((await answerOf(api.GET("/exchange-credentials"))).items),
  });
  const close = () => setAsked(null);
  return (
    <PageFrame
      title="Keys at exchanges"
      actions={<Button onClick={() => setAsked({ kind: "ADD" })}>Add a key</Button>}
    >
      <Found query={credentials}>
        {(found) =>
          found.length === 0 ? (
            <Empty>No keys at exchanges. Paper accounts need none; a live account trades with one.</Empty>
          ) : (
            found.map((credential) => (
              <CredentialCard
                key={credential.newest.credential_id}
                credential={credential}
                onRotate={() => setAsked({ kind: "ROTATE", version: credential.newest })}
                onDelete={() => setAsked({ kind: "DELETE", version: credential.newest })}
              />
            ))
          )
        }
      </Found>
      {asked?.kind === "ADD" && <AddCredentialDialog onClose={close} />}
      {asked?.kind === "ROTATE" && <RotateCredentialDialog version={asked.version} onClose={close} />}
      {asked?.kind === "DELETE" && <DeleteCredentialDialog version={asked.version} onClose={close} />}
    </PageFrame>
  );
}

function CredentialCard({
  credential: { newest, older },
  onRotate,
  onDelete,
}: {
  credential: Credential;
  onRotate: () => void;
  onDelete: () => void;
}) {
  const accounts = accountChoices(useAccounts().data);
  const name = `${newest.venue} ${newest.label}`;
  return (
    <Card withBorder component="section" aria-label={name}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {name} <Code>…{newest.api_key_end}</Code>
          </Title>
          <Group gap="xs">
            <Button size="compact-sm" variant="light" onClick={onRotate} aria-label={`Rotate ${name}`}>
              Rotate
            </Button>
            <Button
              size="compact-sm"
              variant="light"
              color="red"
              onClick={onDelete}
              aria-label={`Delete ${name}`}
            >
              Delete
            </Button>
          </Group>
        </Group>
        <Facts
          facts={[
            ["Kept for", nameOf(newest.account_id, accounts)],
            ["Version", String(newest.version)],
            ["Stored", shownTime(newest.created_at)],
            ["Last used", newest.last_used_at === null ? "never" : shownTime(newest.last_used_at)],
          ]}
        />
        {older.map((version) => (
          <Text key={version.version} size="sm" c="dimmed">
            Version {version.version}, …{version.api_key_end}
            {version.retires_at === null ? "" : `, is kept until ${shownTime(version.retires_at)}`}
          </Text>
        ))}
        <Grants version={newest} />
      </Stack>
    </Card>
  );
}

/** The accounts that may trade with it beside the one that it is kept for. */
function Grants({ version }: { version: Version }) {
  const { api } = usePlatform();
  const accounts = accountChoices(useAccounts().data);
  const path = (account_id: string) => ({
    params: { path: { credential_id: version.credential_id, account_id } },
  });
  const giving = useGiving(
    (id) => answerOf(api.PUT("/exchange-credentials/{credential_id}/accounts/{account_id}", path(id))),
    (id) => answerOf(api.DELETE("/exchange-credentials/{credential_id}/accounts/{account_id}", path(id))),
    [CREDENTIALS],
  );
  return (
    <GivenList
      label="Account to grant it to"
      given={version.granted_account_ids.filter((id) => id !== version.account_id)}
      choices={accounts.filter((each) => each.value !== version.account_id)}
      giving={giving}
      mayChange
      empty="Granted to no other account."
    />
  );
}
