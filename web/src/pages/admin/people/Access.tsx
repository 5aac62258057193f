import { Anchor, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import {
  accountChoices,
  GROUPS,
  groupChoices,
  nameOf,
  nodeChoices,
  PEOPLE,
  type Person,
  useAccounts,
  useGroups,
  useNodes,
} from "../parts/directory";
import { GivenList } from "../parts/GivenList";
import { Section } from "../parts/Section";
import { useGiving } from "../parts/useGiving";

/** What a person reaches: accounts of his own, accounts below his nodes, and those of his groups. */
export function Access({ person, mayChange }: { person: Person; mayChange: boolean }) {
  const accounts = accountChoices(useAccounts().data);
  const byOtherWays = person.account_ids.filter((id) => !person.given_account_ids.includes(id));
  return (
    <>
      <Section title="Accounts">
        {person.sees_all_accounts && <Text size="sm">This role reads every account.</Text>}
        <GivenAccounts person={person} mayChange={mayChange} />
        {byOtherWays.length > 0 && (
          <Text size="sm">
            Also by a node or a group: {byOtherWays.map((id) => nameOf(id, accounts)).join(", ")}
          </Text>
        )}
      </Section>
      <Section title="Nodes">
        <GivenNodes person={person} mayChange={mayChange} />
      </Section>
      <Section title="Groups">
        <GivenGroups person={person} mayChange={mayChange} />
      </Section>
    </>
  );
}

function GivenAccounts({ person, mayChange }: { person: Person; mayChange: boolean }) {
  const { api } = usePlatform();
  const choices = accountChoices(useAccounts().data);
  const path = (account_id: string) => ({ params: { path: { user_id: person.user_id, account_id } } });
  const giving = useGiving(
    (id) => answerOf(api.PUT("/users/{user_id}/accounts/{account_id}", path(id))),
    (id) => answerOf(api.DELETE("/users/{user_id}/accounts/{account_id}", path(id))),
    [PEOPLE],
  );
  return (
    <GivenList
      label="Account to give"
      given={person.given_account_ids}
      choices={choices}
      giving={giving}
      mayChange={mayChange}
      empty="No account was given directly."
    />
  );
}

function GivenNodes({ person, mayChange }: { person: Person; mayChange: boolean }) {
  const { api } = usePlatform();
  const choices = nodeChoices(useNodes().data);
  const path = (node_id: string) => ({ params: { path: { user_id: person.user_id, node_id } } });
  const giving = useGiving(
    (id) => answerOf(api.PUT("/users/{user_id}/nodes/{node_id}", path(id))),
    (id) => answerOf(api.DELETE("/users/{user_id}/nodes/{node_id}", path(id))),
    [PEOPLE],
  );
  return (
    <Stack gap="xs">
      <Text size="sm" c="dimmed">
        Whoever is given a node reaches every account below it, now and later.
      </Text>
      <GivenList
        label="Node to give"
        given={person.node_ids}
        choices={choices}
        giving={giving}
        mayChange={mayChange}
        empty="No node was given."
      />
    </Stack>
  );
}

function GivenGroups({ person, mayChange }: { person: Person; mayChange: boolean }) {
  const { api } = usePlatform();
  const choices = groupChoices(useGroups().data);
  const path = (group_id: string) => ({ params: { path: { user_id: person.user_id, group_id } } });
  const giving = useGiving(
    (id) => answerOf(api.PUT("/groups/{group_id}/members/{user_id}", path(id))),
    (id) => answerOf(api.DELETE("/groups/{group_id}/members/{user_id}", path(id))),
    [PEOPLE, GROUPS],
  );
  return (
    <GivenList
      label="Group to join"
      given={person.group_ids}
      choices={choices}
      giving={giving}
      mayChange={mayChange}
      empty="In no group."
      show={(group) => (
        <Anchor component={Link} to={`/groups/${group.value}`} size="sm">
          {group.label}
        </Anchor>
      )}
    />
  );
}
