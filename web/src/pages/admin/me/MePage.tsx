import { Stack, Tabs } from "@mantine/core";
import { PageFrame } from "../../../ui/PageFrame";
import { useAddress } from "../../../ui/useAddress";
import { useMay, useMe } from "../../../ui/useMe";
import { Facts } from "../parts/Facts";
import { ROLES, type Role, shownRole } from "../parts/roles";
import { Section } from "../parts/Section";
import { Activity } from "./Activity";
import { Contacts } from "./Contacts";
import { Digests } from "./Digests";
import { OwnSessions } from "./OwnSessions";
import { SecondFactor } from "./SecondFactor";

const PARTS = [
  { value: "security", name: "Sign-in", needs: null, Part: Security },
  { value: "contact", name: "How you are reached", needs: null, Part: Contacts },
  { value: "digests", name: "Digests", needs: "digests:read", Part: Digests },
  { value: "activity", name: "Activity", needs: null, Part: Activity },
] as const;

export default function MePage() {
  const me = useMe();
  const may = useMay();
  const [part, choose] = useAddress("part", "security");
  const parts = PARTS.filter(({ needs }) => needs === null || may(needs));
  return (
    <PageFrame title={me?.username ?? "Yourself"}>
      {me !== null && (
        <Facts
          facts={[
            ["E-mail", me.email],
            ["Role", `${shownRole(me.role)}: ${ROLES[me.role as Role] ?? ""}`],
          ]}
        />
      )}
      <Tabs value={part} onChange={(chosen) => chosen !== null && choose(chosen)} keepMounted={false}>
        <Tabs.List mb="md">
          {parts.map(({ value, name }) => (
            <Tabs.Tab key={value} value={value}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {parts.map(({ value, Part }) => (
          <Tabs.Panel key={value} value={value}>
            <Stack>
              <Part />
            </Stack>
          </Tabs.Panel>
        ))}
      </Tabs>
    </PageFrame>
  );
}

function Security() {
  return (
    <>
      <Section title="Second factor">
        <SecondFactor />
      </Section>
      <Section title="Where you are signed in">
        <OwnSessions />
      </Section>
    </>
  );
}
