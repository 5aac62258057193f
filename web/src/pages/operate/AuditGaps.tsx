import { Button, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import { usePlatform } from "../../platform";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { DataTable } from "../../ui/DataTable";
import { ReasonDialog } from "../../ui/ReasonDialog";
import { Found } from "../../ui/states";
import { shownTime } from "../../ui/times";
import { useAction } from "../../ui/useAction";

type Gap = components["schemas"]["AuditGap"];

const CHANGES = [["audit-gaps"], ["audit-records"]];

/** What restores of the database have lost: one asks for the trail to go on behind it, another approves. */
export function AuditGaps({ mayExport }: { mayExport: boolean }) {
  const { api } = usePlatform();
  const [isAsking, setAsking] = useState(false);
  const [approved, approve] = useState<Gap | null>(null);
  const gaps = useQuery({ queryKey: ["audit-gaps"], queryFn: () => answerOf(api.GET("/audit/gaps")) });
  const asking = useAction((reason: string) => answerOf(api.POST("/audit/gaps", { body: { reason } })), {
    changes: CHANGES,
    onDone: () => setAsking(false),
  });
  const approving = useAction(
    (gap_id: string) => answerOf(api.POST("/audit/gaps/{gap_id}/approval", { params: { path: { gap_id } } })),
    { changes: CHANGES, onDone: () => approve(null) },
  );
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        After a restore of the database to an earlier time the newest anchors vouch for records that are gone.
        Two people say so before the trail goes on; what they say is signed with it.
      </Text>
      <Found query={gaps}>
        {(found) => (
          <DataTable
            label="Gaps"
            rows={found.items}
            keyOf={(gap) => gap.gap_id}
            minWidth={800}
            empty="Nothing was ever lost."
            columns={[
              { name: "Records", show: (gap) => `${gap.first_sequence} to ${gap.sequence}` },
              { name: "Why", show: (gap) => gap.reason },
              { name: "Asked", show: (gap) => `${gap.asked_by}, ${shownTime(gap.asked_at)}` },
              {
                name: "Approved",
                show: (gap) => <Approval gap={gap} mayApprove={mayExport} approve={approve} />,
              },
            ]}
          />
        )}
      </Found>
      {mayExport && (
        <Button
          variant="default"
          style={{ alignSelf: "flex-start" }}
          onClick={() => {
            asking.reset();
            setAsking(true);
          }}
        >
          The database was restored
        </Button>
      )}
      {isAsking && (
        <ReasonDialog
          title="Let the trail go on"
          confirm="Ask for it"
          action={asking}
          onClose={() => setAsking(false)}
        >
          Say who restored the database, to when, and why. Somebody else has to approve it within a day; until
          then nothing is anchored.
        </ReasonDialog>
      )}
      {approved !== null && (
        <ConfirmDialog
          title="Approve the gap"
          confirm="Approve"
          error={approving.error}
          isRunning={approving.isRunning}
          onConfirm={() => approving.run(approved.gap_id)}
          onClose={() => approve(null)}
        >
          Records {approved.first_sequence} to {approved.sequence} were lost, says {approved.asked_by}: “
          {approved.reason}”. With your word the trail goes on behind them, and names you for ever.
        </ConfirmDialog>
      )}
    </Stack>
  );
}

function Approval({
  gap,
  mayApprove,
  approve,
}: {
  gap: Gap;
  mayApprove: boolean;
  approve: (gap: Gap) => void;
}) {
  if (gap.approved_by !== null) {
    return `${gap.approved_by}${gap.approved_at === null ? "" : `, ${shownTime(gap.approved_at)}`}`;
  }
  if (!mayApprove) return "not yet";
  return (
    <Button size="compact-xs" variant="light" onClick={() => approve(gap)}>
      Approve
    </Button>
  );
}
