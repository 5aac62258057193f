import { Anchor, Badge, Modal, Stack, Table, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { components } from "../../api/schema";
import { shownTime } from "../../ui/times";
import { type Change, changesOf, factsOf, shownTopic, summaryOf, timeOf } from "./audit";

type AuditRecord = components["schemas"]["AuditRecord"];

/** What a record changed; where it changed nothing, what else it says in a line. */
export function Said({ record }: { record: AuditRecord }) {
  const changes = changesOf(record.payload);
  if (changes.length > 0) return <Changes changes={changes} />;
  return (
    <Text size="sm" c="dimmed" lineClamp={2} maw={420}>
      {summaryOf(record.payload)}
    </Text>
  );
}

function Changes({ changes }: { changes: readonly Change[] }) {
  return (
    <Stack gap={2}>
      {changes.map((change) => (
        <Text key={change.name} size="sm" style={{ overflowWrap: "anywhere" }}>
          {change.name.replaceAll("_", " ")}: {change.before} → <b>{change.after}</b>
        </Text>
      ))}
    </Stack>
  );
}

export function AuditRecordDialog({
  record,
  isAnchored,
  onClose,
}: {
  record: AuditRecord;
  isAnchored: boolean;
  onClose: () => void;
}) {
  const changes = changesOf(record.payload);
  return (
    <Modal opened onClose={onClose} title={`Record ${record.sequence}`} size="lg">
      <Stack>
        <Badge color={isAnchored ? "teal" : "gray"} variant="light" tt="none">
          {isAnchored ? "anchored" : "waits for the next anchor"}
        </Badge>
        {changes.length > 0 && (
          <Table aria-label="What changed">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">What</Table.Th>
                <Table.Th scope="col">Before</Table.Th>
                <Table.Th scope="col">After</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {changes.map((change) => (
                <Table.Tr key={change.name}>
                  <Table.Td>{change.name.replaceAll("_", " ")}</Table.Td>
                  <Table.Td style={{ overflowWrap: "anywhere" }}>{change.before}</Table.Td>
                  <Table.Td style={{ overflowWrap: "anywhere" }}>{change.after}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
        <Table aria-label="Record" verticalSpacing={4}>
          <Table.Tbody>
            <Fact name="when">{shownTime(timeOf(record))}</Fact>
            <Fact name="who">{record.actor ?? "the platform"}</Fact>
            <Fact name="what">
              {shownTopic(record.topic)} <Text span size="sm" c="dimmed">{`(${record.topic})`}</Text>
            </Fact>
            <Fact name="of which">
              <Anchor
                component={Link}
                to="/audit"
                search={{ aggregate: record.aggregate_id } as never}
                onClick={onClose}
                size="sm"
              >
                {record.aggregate_id}
              </Anchor>
              , change {record.version}
            </Fact>
            {record.account_id !== null && <Fact name="account">{record.account_id}</Fact>}
            <Fact name="correlation">{record.correlation_id}</Fact>
            <Fact name="event">{record.event_id}</Fact>
            {factsOf(record.payload).map(([name, value]) => (
              <Fact key={name} name={name}>
                {value}
              </Fact>
            ))}
          </Table.Tbody>
        </Table>
      </Stack>
    </Modal>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={500} w={170} style={{ verticalAlign: "top" }}>
        {name}
      </Table.Th>
      <Table.Td style={{ overflowWrap: "anywhere" }}>{children}</Table.Td>
    </Table.Tr>
  );
}
