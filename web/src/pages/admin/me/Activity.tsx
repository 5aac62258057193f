import { Anchor, Code, Modal, Text } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { shownTime } from "../../../ui/times";
import { FoundPages, usePages } from "../parts/pages";
import { Section } from "../parts/Section";
import { momentOfNs, shownTopic } from "./records";

type AuditRecord = components["schemas"]["AuditRecord"];

/** What the audit trail has of oneself: what was done here in one's name. */
export function Activity() {
  const { api } = usePlatform();
  const [shown, setShown] = useState<AuditRecord | null>(null);
  const records = usePages<AuditRecord, number>(["admin", "activity"], async (before) => {
    const answer = await answerOf(api.GET("/audit/activity", { params: { query: { before } } }));
    return { items: answer.items, next: answer.next_before };
  });
  return (
    <Section title="What was done in your name">
      <Text size="sm" c="dimmed">
        From the audit trail, a few seconds behind. Is something of it not yours? Tell an administrator.
      </Text>
      <FoundPages pages={records}>
        {(items) => (
          <DataTable
            label="Activity"
            rows={items}
            keyOf={(record) => record.sequence}
            empty="Nothing yet."
            columns={[
              { name: "When", show: (record) => shownTime(momentOfNs(record.occurred_at_ns)) },
              {
                name: "What",
                show: (record) => (
                  <Anchor component="button" type="button" size="sm" onClick={() => setShown(record)}>
                    {shownTopic(record.topic)}
                  </Anchor>
                ),
              },
              { name: "By", show: (record) => record.actor ?? "the platform" },
              { name: "Record", isNumber: true, show: (record) => record.sequence },
            ]}
          />
        )}
      </FoundPages>
      {shown !== null && (
        <Modal
          opened
          onClose={() => setShown(null)}
          size="lg"
          title={shownTopic(shown.topic)}
          closeButtonProps={{ "aria-label": "Close" }}
        >
          <Text size="sm" c="dimmed" mb="xs">
            {shown.topic}, {shownTime(momentOfNs(shown.occurred_at_ns))}
          </Text>
          <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
            {JSON.stringify(shown.payload, null, 2)}
          </Code>
        </Modal>
      )}
    </Section>
  );
}
