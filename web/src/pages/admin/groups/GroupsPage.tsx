import { Anchor, Button, TextInput } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { PageFrame } from "../../../ui/PageFrame";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { useMay } from "../../../ui/useMe";
import { GROUPS, useGroups } from "../parts/directory";
import { FormDialog } from "../parts/FormDialog";

export default function GroupsPage() {
  const groups = useGroups(true);
  const may = useMay();
  const [isMaking, setIsMaking] = useState(false);
  return (
    <PageFrame
      title="Groups"
      actions={may("users:manage") && <Button onClick={() => setIsMaking(true)}>New group</Button>}
    >
      <Found query={groups}>
        {(found) => (
          <DataTable
            label="Groups"
            rows={found}
            keyOf={(group) => group.group_id}
            empty="No groups yet. The members of a group reach its accounts, and alerts can be routed to it."
            columns={[
              {
                name: "Name",
                show: (group) => (
                  <Anchor component={Link} to={`/groups/${group.group_id}`} size="sm" fw={600}>
                    {group.name}
                  </Anchor>
                ),
              },
              { name: "Members", isNumber: true, show: (group) => group.member_ids.length },
              { name: "Accounts", isNumber: true, show: (group) => group.account_ids.length },
              { name: "Since", show: (group) => shownTime(group.created_at) },
            ]}
          />
        )}
      </Found>
      {isMaking && <NewGroupDialog onClose={() => setIsMaking(false)} />}
    </PageFrame>
  );
}

function NewGroupDialog({ onClose }: { onClose: () => void }) {
  const { api } = usePlatform();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const make = useAction((typed: string) => answerOf(api.POST("/groups", { body: { name: typed } })), {
    changes: [GROUPS],
    onDone: (group) => void navigate({ to: `/groups/${group.group_id}` }),
  });
  return (
    <FormDialog
      title="New group"
      confirm="Create group"
      action={make}
      fields={["name"]}
      onSubmit={() => make.run(name.trim())}
      onClose={onClose}
      isReady={name.trim() !== ""}
    >
      {(errors) => (
        <TextInput
          label="Name"
          required
          data-autofocus
          maxLength={120}
          value={name}
          error={errors.name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
      )}
    </FormDialog>
  );
}
