import { MultiSelect, Table, Text } from "@mantine/core";
import { groupChoices, useGroups } from "../parts/directory";
import { ROLES, type Role, shownRole } from "../parts/roles";
import { RowProblem } from "./Matrix";
import { withGroups, withRoles } from "./routing";
import { AUDIENCES, AUDIENCES_BY_NATURE, type Audience, type Routes, spoken } from "./words";

const ROLE_CHOICES = (Object.keys(ROLES) as Role[]).map((role) => ({ value: role, label: shownRole(role) }));

/** The roles and groups of each audience. */
export function AudiencesTable({
  routes,
  set,
  mayChange,
  problemOf,
}: {
  routes: Routes;
  set: (routes: Routes) => void;
  mayChange: boolean;
  problemOf: (audience: Audience) => string | undefined;
}) {
  const groups = groupChoices(useGroups().data);
  return (
    <Table.ScrollContainer minWidth={700}>
      <Table aria-label="Roles and groups of audiences" verticalSpacing={6} layout="fixed">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col" w={190}>
              Audience
            </Table.Th>
            <Table.Th scope="col">Roles</Table.Th>
            <Table.Th scope="col">Groups</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {AUDIENCES.map((audience) => (
            <Table.Tr key={audience}>
              <Table.Th scope="row">
                {spoken(audience)}
                {AUDIENCES_BY_NATURE[audience] !== undefined && (
                  <Text size="xs" c="dimmed" fw="normal">
                    {AUDIENCES_BY_NATURE[audience]}
                  </Text>
                )}
                <RowProblem problem={problemOf(audience)} />
              </Table.Th>
              <Table.Td>
                <MultiSelect
                  aria-label={`Roles of ${spoken(audience)}`}
                  data={ROLE_CHOICES}
                  value={routes.audiences[audience]?.roles ?? []}
                  disabled={!mayChange}
                  onChange={(roles) => set(withRoles(routes, audience, roles as Role[]))}
                />
              </Table.Td>
              <Table.Td>
                <MultiSelect
                  aria-label={`Groups of ${spoken(audience)}`}
                  data={groups}
                  value={routes.audiences[audience]?.group_ids ?? []}
                  disabled={!mayChange || groups.length === 0}
                  placeholder={groups.length === 0 ? "there are no groups" : ""}
                  onChange={(ids) => set(withGroups(routes, audience, ids))}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
