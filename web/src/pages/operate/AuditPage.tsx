import { Tabs } from "@mantine/core";
import { PageFrame } from "../../ui/PageFrame";
import { useAddress } from "../../ui/useAddress";
import { useMay } from "../../ui/useMe";
import { AuditExport } from "./AuditExport";
import { AuditGaps } from "./AuditGaps";
import { AuditRecords } from "./AuditRecords";

export default function AuditPage() {
  const [tab, choose] = useAddress("tab", "records");
  const mayExport = useMay()("audit:export");
  return (
    <PageFrame title="Audit trail">
      <Tabs value={tab} onChange={(chosen) => choose(chosen ?? "records")} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="records">Records</Tabs.Tab>
          {mayExport && <Tabs.Tab value="export">Verify and export</Tabs.Tab>}
          <Tabs.Tab value="gaps">Gaps</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="records">
          <AuditRecords mayExport={mayExport} />
        </Tabs.Panel>
        {mayExport && (
          <Tabs.Panel value="export">
            <AuditExport />
          </Tabs.Panel>
        )}
        <Tabs.Panel value="gaps">
          <AuditGaps mayExport={mayExport} />
        </Tabs.Panel>
      </Tabs>
    </PageFrame>
  );
}
