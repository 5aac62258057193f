import { Alert, Button, Card, Group, Progress, Select, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { usePlatform } from "../../platform";
import { shownTime } from "../../ui/times";
import { useAction } from "../../ui/useAction";
import { type Fetched, fetchExport, fileOf } from "./auditExport";
import { type Verdict, verifyTrail } from "./auditVerifier";

const DAY_MS = 86_400_000;
const SPANS = [
  { value: "1", label: "The last day" },
  { value: "7", label: "The last 7 days" },
  { value: "30", label: "The last 30 days" },
  { value: "90", label: "The last 90 days" },
];

interface Outcome {
  readonly fetched: Fetched;
  readonly verdict: Verdict;
  readonly at: string;
}

/** Fetches a copy of the trail with what vouches for it, checks it in the browser, and keeps it as a file. */
export function AuditExport() {
  const { api } = usePlatform();
  const [days, choose] = useState("7");
  const [share, progress] = useState(0);
  const [outcome, tell] = useState<Outcome | null>(null);
  const verifying = useAction(
    async () => {
      progress(0);
      tell(null);
      const now = Date.now();
      const period = {
        since: new Date(now - Number(days) * DAY_MS).toISOString(),
        until: new Date(now + DAY_MS).toISOString(),
      };
      const fetched = await fetchExport(api, period, progress);
      const { tenant_id, first_sequence, public_key } = fetched.told;
      const verdict = await verifyTrail({
        tenantId: tenant_id,
        firstSequence: first_sequence,
        publicKey: public_key,
        anchors: fetched.anchors,
        lines: fetched.lines,
      });
      return { fetched, verdict, at: new Date().toISOString() };
    },
    { changes: [], onDone: tell },
  );
  return (
    <Card withBorder maw={720}>
      <Stack>
        <Text size="sm" c="dimmed">
          The records are fetched as they were sealed, and checked here: that each anchor is signed and
          follows the one before, and each record is the one that was anchored. That you took a copy is a
          record itself.
        </Text>
        <Group align="flex-end">
          <Select
            label="Of"
            data={SPANS}
            value={days}
            onChange={(chosen) => choose(chosen ?? "7")}
            allowDeselect={false}
          />
          <Button onClick={() => verifying.run(undefined)} loading={verifying.isRunning}>
            Verify
          </Button>
          {outcome !== null && (
            <Button variant="default" onClick={() => save(outcome.fetched)}>
              Save the export
            </Button>
          )}
        </Group>
        {verifying.isRunning && <Progress value={share * 100} aria-label="Fetched" />}
        {verifying.error !== null && (
          <Alert color="red" role="alert">
            {verifying.error.message}
          </Alert>
        )}
        {outcome !== null && <Said outcome={outcome} />}
        <Text size="xs" c="dimmed">
          The key is the one that the platform shows. Keep it from elsewhere and check the saved file with
          “breakwater audit verify” to believe nobody.
        </Text>
      </Stack>
    </Card>
  );
}

function Said({ outcome: { verdict, fetched, at } }: { outcome: Outcome }) {
  if (verdict.kind === "TAMPERED") {
    return (
      <Alert color="red" role="alert" title={`Record ${verdict.sequence} is not as it was`}>
        It is the first: {verdict.what}. Save the export, and follow the runbook.
      </Alert>
    );
  }
  const behind = fetched.told.sequence - verdict.sequence;
  if (verdict.anchoredAt === null) {
    return (
      <Alert color="gray" role="status">
        Nothing of that time is anchored yet: there is nothing to hold it against.
      </Alert>
    );
  }
  return (
    <Alert color="teal" role="status" title="Verified">
      Records {verdict.firstSequence} to {verdict.sequence} are as they were anchored, up to{" "}
      {shownTime(verdict.anchoredAt)}: {verdict.anchors} anchors are signed and follow one another.
      {verdict.lost > 0 && ` ${verdict.lost} records were lost by a restore, as two people have said.`}
      {behind > 0 && ` ${behind} newer wait for the next anchor.`} Checked {shownTime(at)}.
    </Alert>
  );
}

function save(fetched: Fetched): void {
  const url = URL.createObjectURL(fileOf(fetched));
  const link = document.createElement("a");
  link.href = url;
  link.download = `audit-${fetched.told.first_sequence}-${fetched.told.sequence}.zip`;
  link.click();
  URL.revokeObjectURL(url);
}
