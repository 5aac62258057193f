import { Badge } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { Found } from "../../../ui/states";
import { peopleAt } from "../model/people";
import type { ScopeNode } from "../model/types";

/** Who is assigned to the node or to its account; those who see the whole organisation are not named here. */
export function PeopleOf({ node }: { node: ScopeNode }) {
  const { api } = usePlatform();
  const people = useQuery({ queryKey: ["users"], queryFn: () => answerOf(api.GET("/users")) });
  return (
    <Found query={people}>
      {({ items }) => (
        <DataTable
          label={`People of ${node.name}`}
          rows={peopleAt(node, items)}
          keyOf={({ person }) => person.user_id}
          empty="Nobody is assigned here. Roles that see the whole organisation see it as well."
          columns={[
            { name: "Name", show: ({ person }) => person.username },
            { name: "Role", show: ({ person }) => person.role.replaceAll("_", " ") },
            { name: "By", show: ({ by }) => by },
            {
              name: "Sign-in",
              show: ({ person }) =>
                person.is_disabled ? (
                  <Badge color="gray" variant="light">
                    disabled
                  </Badge>
                ) : (
                  "enabled"
                ),
            },
          ]}
        />
      )}
    </Found>
  );
}
