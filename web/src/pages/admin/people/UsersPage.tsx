import { Anchor, Badge, Button, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { type Column, DataTable } from "../../../ui/DataTable";
import { PageFrame } from "../../../ui/PageFrame";
import { shownTime } from "../../../ui/times";
import { useMay } from "../../../ui/useMe";
import { nameOf, nodeChoices, PEOPLE, type Person, useNodes } from "../parts/directory";
import { FoundPages, usePages } from "../parts/pages";
import { shownRole } from "../parts/roles";
import { InviteDialog } from "./InviteDialog";

export default function UsersPage() {
  const { api } = usePlatform();
  const may = useMay();
  const [isInviting, setIsInviting] = useState(false);
  const nodes = nodeChoices(useNodes().data);
  const people = usePages<Person, string>([...PEOPLE, "list"], async (cursor) => {
    const answer = await answerOf(api.GET("/users", { params: { query: { cursor } } }));
    return { items: answer.items, next: answer.next_cursor };
  });
  return (
    <PageFrame
      title="People"
      actions={may("users:manage") && <Button onClick={() => setIsInviting(true)}>Invite</Button>}
    >
      <FoundPages pages={people}>
        {(items) => (
          <DataTable
            label="People"
            rows={items}
            keyOf={(person) => person.user_id}
            empty="Nobody yet."
            minWidth={760}
            columns={columns((id) => nameOf(id, nodes))}
          />
        )}
      </FoundPages>
      {isInviting && <InviteDialog onClose={() => setIsInviting(false)} />}
    </PageFrame>
  );
}

function columns(nodeName: (id: string) => string): readonly Column<Person>[] {
  return [
    {
      name: "Name",
      show: (person) => (
        <Anchor component={Link} to={`/users/${person.user_id}`} size="sm" fw={600}>
          {person.username}
        </Anchor>
      ),
    },
    { name: "E-mail", show: (person) => person.email },
    { name: "Role", show: (person) => shownRole(person.role) },
    { name: "State", show: (person) => <PersonState person={person} /> },
    { name: "Accounts", show: accountsOf },
    {
      name: "Nodes",
      show: (person) =>
        person.node_ids.length === 0 ? (
          <Text size="sm" c="dimmed">
            none
          </Text>
        ) : (
          person.node_ids.map(nodeName).join(", ")
        ),
    },
    { name: "Since", show: (person) => shownTime(person.created_at) },
  ];
}

export function PersonState({ person }: { person: Person }) {
  return person.is_disabled ? (
    <Badge variant="light" color="gray">
      disabled
    </Badge>
  ) : (
    <Badge variant="light" color="teal">
      enabled
    </Badge>
  );
}

function accountsOf(person: Person) {
  if (person.sees_all_accounts) return "all";
  return (
    <Group gap={4} wrap="nowrap">
      <span>{person.account_ids.length}</span>
      {person.given_account_ids.length !== person.account_ids.length && (
        <Text size="xs" c="dimmed">
          ({person.given_account_ids.length} given)
        </Text>
      )}
    </Group>
  );
}
