import { Tabs } from "@mantine/core";
import { PageFrame } from "../../../ui/PageFrame";
import { useAddress } from "../../../ui/useAddress";
import { Escalation } from "./Escalation";
import { MetricRules } from "./MetricRules";
import { RoutesEditor } from "./RoutesEditor";
import { SlackChannels } from "./SlackChannels";
import { Suppressions } from "./Suppressions";

const PARTS = [
  { value: "routes", name: "Who is told", Part: RoutesEditor },
  { value: "slack", name: "Slack", Part: SlackChannels },
  { value: "suppressions", name: "Suppressions", Part: Suppressions },
  { value: "rules", name: "Metric rules", Part: MetricRules },
  { value: "escalation", name: "Escalation", Part: Escalation },
] as const;

export default function AlertRoutingPage() {
  const [part, choose] = useAddress("part", "routes");
  return (
    <PageFrame title="Alert routing">
      <Tabs value={part} onChange={(chosen) => chosen !== null && choose(chosen)} keepMounted={false}>
        <Tabs.List mb="md">
          {PARTS.map(({ value, name }) => (
            <Tabs.Tab key={value} value={value}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {PARTS.map(({ value, Part }) => (
          <Tabs.Panel key={value} value={value}>
            <Part />
          </Tabs.Panel>
        ))}
      </Tabs>
    </PageFrame>
  );
}
