import { Anchor, Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { PageFrame } from "../../../ui/PageFrame";
import { Found } from "../../../ui/states";
import { useAction } from "../../../ui/useAction";
import { useMay } from "../../../ui/useMe";
import {
  accountChoices,
  GROUPS,
  type Group,
  PEOPLE,
  personChoices,
  useAccounts,
  usePeople,
} from "../parts/directory";
import { GivenList } from "../parts/GivenList";
import { Section } from "../parts/Section";
import { useGiving } from "../parts/useGiving";

export default function GroupPage() {
  const { api } = usePlatform();
  const may = useMay();
  const { groupId = "" } = useParams({ strict: false }) as { groupId?: string };
  const [isDeleting, setIsDeleting] = useState(false);
  const group = useQuery({
    queryKey: [...GROUPS, groupId],
    queryFn: () => answerOf(api.GET("/groups/{group_id}", { params: { path: { group_id: groupId } } })),
  });
  const mayChange = may("users:manage");
  return (
    <PageFrame
      title={group.data?.name ?? "Group"}
      actions={
        mayChange &&
        group.data !== undefined && (
          <Button variant="light" color="red" onClick={() => setIsDeleting(true)}>
            Delete
          </Button>
        )
      }
    >
      <Found query={group}>
        {(found) => (
          <>
            <Members group={found} mayChange={mayChange} />
            <Accounts group={found} mayChange={mayChange} />
            {isDeleting && <DeleteGroup group={found} onClose={() => setIsDeleting(false)} />}
          </>
        )}
      </Found>
    </PageFrame>
  );
}

function DeleteGroup({ group, onClose }: { group: Group; onClose: () => void }) {
  const { api } = usePlatform();
  const navigate = useNavigate();
  const remove = useAction(
    (group_id: string) => answerOf(api.DELETE("/groups/{group_id}", { params: { path: { group_id } } })),
    // The page itself is not read again: what it shows is gone.
    { changes: [[...GROUPS, "list"], PEOPLE], onDone: () => void navigate({ to: "/groups", replace: true }) },
  );
  return (
    <ConfirmDialog
      title={`Delete the group ${group.name}`}
      confirm="Delete"
      error={remove.error}
      isRunning={remove.isRunning}
      onConfirm={() => remove.run(group.group_id)}
      onClose={onClose}
    >
      Its {group.member_ids.length} members lose the accounts that they reach by it alone, within 5 seconds.
      Alerts that are routed to it keep their other audiences.
    </ConfirmDialog>
  );
}

function Members({ group, mayChange }: { group: Group; mayChange: boolean }) {
  const { api } = usePlatform();
  const people = usePeople().data;
  const path = (user_id: string) => ({ params: { path: { group_id: group.group_id, user_id } } });
  const giving = useGiving(
    (id) => answerOf(api.PUT("/groups/{group_id}/members/{user_id}", path(id))),
    (id) => answerOf(api.DELETE("/groups/{group_id}/members/{user_id}", path(id))),
    [GROUPS, PEOPLE],
  );
  const everybody = (people ?? []).map((each) => ({ value: each.user_id, label: each.username }));
  return (
    <Section title="Members">
      <GivenList
        label="Person to add"
        given={group.member_ids}
        choices={personChoices(people)}
        names={everybody}
        giving={giving}
        mayChange={mayChange}
        empty="Nobody is a member."
        show={(person) => (
          <Anchor component={Link} to={`/users/${person.value}`} size="sm">
            {person.label}
          </Anchor>
        )}
      />
    </Section>
  );
}

function Accounts({ group, mayChange }: { group: Group; mayChange: boolean }) {
  const { api } = usePlatform();
  const choices = accountChoices(useAccounts().data);
  const path = (account_id: string) => ({ params: { path: { group_id: group.group_id, account_id } } });
  const giving = useGiving(
    (id) => answerOf(api.PUT("/groups/{group_id}/accounts/{account_id}", path(id))),
    (id) => answerOf(api.DELETE("/groups/{group_id}/accounts/{account_id}", path(id))),
    [GROUPS, PEOPLE],
  );
  return (
    <Section title="Accounts that its members reach">
      <GivenList
        label="Account to give"
        given={group.account_ids}
        choices={choices}
        giving={giving}
        mayChange={mayChange}
        empty="No account was given to it."
      />
    </Section>
  );
}
