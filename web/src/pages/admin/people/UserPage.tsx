import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { PageFrame } from "../../../ui/PageFrame";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useMay, useMe } from "../../../ui/useMe";
import { PEOPLE, type Person } from "../parts/directory";
import { Facts } from "../parts/Facts";
import { ROLES, type Role, shownRole } from "../parts/roles";
import { Section } from "../parts/Section";
import { Access } from "./Access";
import { PersonActions } from "./PersonActions";
import { SessionsOf } from "./SessionsOf";
import { PersonState } from "./UsersPage";

export default function UserPage() {
  const { api } = usePlatform();
  const { userId = "" } = useParams({ strict: false }) as { userId?: string };
  const person = useQuery({
    queryKey: [...PEOPLE, userId],
    queryFn: () => answerOf(api.GET("/users/{user_id}", { params: { path: { user_id: userId } } })),
  });
  return (
    <PageFrame title={person.data?.username ?? "Person"}>
      <Found query={person}>{(found) => <PersonParts person={found} />}</Found>
    </PageFrame>
  );
}

function PersonParts({ person }: { person: Person }) {
  const may = useMay();
  const isOneself = useMe()?.user_id === person.user_id;
  const mayManage = may("users:manage");
  return (
    <>
      <Section title="Who" actions={mayManage && <PersonActions person={person} isOneself={isOneself} />}>
        <Facts
          facts={[
            ["State", <PersonState key="state" person={person} />],
            ["E-mail", person.email],
            ["Role", `${shownRole(person.role)}: ${ROLES[person.role as Role] ?? ""}`],
            ["Here since", shownTime(person.created_at)],
          ]}
        />
      </Section>
      <Access person={person} mayChange={mayManage && !person.is_disabled} />
      {mayManage && (
        <Section title="Sessions">
          <SessionsOf userId={person.user_id} />
        </Section>
      )}
    </>
  );
}
