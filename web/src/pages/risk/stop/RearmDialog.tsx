import { Group, Text } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import type { ScopeNode } from "../model/types";
import { LIMITS_KEY } from "../shared/queries";
import { StateBadge } from "../shared/StateBadge";
import { StateChangeDialog } from "./StateChangeDialog";

type Stopped = Pick<ScopeNode, "node_id" | "name" | "state" | "state_reason">;

/** Lets a node trade again. While a kill is still cancelling, the server says no. */
export function RearmDialog({ node, onClose }: { node: Stopped; onClose: () => void }) {
  const { api } = usePlatform();
  const [reason, setReason] = useState("");
  const action = useAction(
    (why: string) => answerOf(api.POST("/limits/rearm", { body: { node_id: node.node_id, reason: why } })),
    { changes: [LIMITS_KEY], onDone: onClose },
  );
  return (
    <StateChangeDialog
      title={`Re-arm ${node.name}`}
      nodeName={node.name}
      confirm="Re-arm"
      leave="Leave it stopped"
      color="teal"
      reason={reason}
      setReason={setReason}
      action={action}
      onClose={onClose}
    >
      <Group gap="xs">
        <StateBadge state={node.state} />
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {node.state_reason ?? ""}
        </Text>
      </Group>
      <Text size="sm">
        It takes orders again as its limits say; its streaks and cool-downs begin anew. What is stopped above
        or below it stays stopped.
      </Text>
    </StateChangeDialog>
  );
}
