import { Alert, Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { formProblem } from "../../../ui/formProblem";
import { useAction } from "../../../ui/useAction";
import { refusalWords } from "../model/stopping";
import type { ScopeNode } from "../model/types";
import { LIMITS_KEY } from "../shared/queries";
import { StateBadge } from "../shared/StateBadge";

type Stopped = Pick<ScopeNode, "node_id" | "name" | "state" | "state_reason">;

/** Lets a node trade again. While a kill is still cancelling, the server says no: it is said in words. */
export function RearmDialog({ node, onClose }: { node: Stopped; onClose: () => void }) {
  const { api } = usePlatform();
  const [reason, setReason] = useState("");
  const action = useAction(
    (why: string) => answerOf(api.POST("/limits/rearm", { body: { node_id: node.node_id, reason: why } })),
    { changes: [LIMITS_KEY], onDone: onClose },
  );
  const atReason = formProblem(action.error, ["reason"]).fields.reason;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    action.run(reason.trim());
  };
  return (
    <Modal opened onClose={onClose} title={`Re-arm ${node.name}`} centered>
      <form onSubmit={submit}>
        <Stack>
          <Group gap="xs">
            <StateBadge state={node.state} />
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {node.state_reason ?? ""}
            </Text>
          </Group>
          <Text size="sm">
            It takes orders again as its limits say; its streaks and cool-downs begin anew. What is stopped
            above or below it stays stopped.
          </Text>
          {action.error !== null && atReason === undefined && (
            <Alert color="red" role="alert">
              {refusalWords(action.error, node.name)}
            </Alert>
          )}
          <Textarea
            label="Reason"
            required
            data-autofocus
            autosize
            maxLength={500}
            value={reason}
            error={atReason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it stopped
            </Button>
            <Button type="submit" color="teal" loading={action.isRunning} disabled={reason.trim() === ""}>
              Re-arm
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
