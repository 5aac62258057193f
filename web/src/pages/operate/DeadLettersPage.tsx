import { Tabs } from "@mantine/core";
import { PageFrame } from "../../ui/PageFrame";
import { useAddress } from "../../ui/useAddress";
import { useMay } from "../../ui/useMe";
import { DeadLetters } from "./DeadLetters";
import { ReadModels } from "./ReadModels";
import { Replays } from "./Replays";

export default function DeadLettersPage() {
  const [tab, choose] = useAddress("tab", "letters");
  const mayOperate = useMay()("system:operate");
  return (
    <PageFrame title="Dead letters">
      <Tabs value={tab} onChange={(chosen) => choose(chosen ?? "letters")} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="letters">Letters</Tabs.Tab>
          {mayOperate && <Tabs.Tab value="replays">Replay</Tabs.Tab>}
          <Tabs.Tab value="read-models">Read models</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="letters">
          <DeadLetters mayOperate={mayOperate} />
        </Tabs.Panel>
        {mayOperate && (
          <Tabs.Panel value="replays">
            <Replays />
          </Tabs.Panel>
        )}
        <Tabs.Panel value="read-models">
          <ReadModels mayOperate={mayOperate} />
        </Tabs.Panel>
      </Tabs>
    </PageFrame>
  );
}
