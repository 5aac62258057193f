import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconBan } from "@tabler/icons-react";
import { useState } from "react";
import { useMay } from "../../../ui/useMe";
import { stoppedOf } from "../model/stopping";
import type { ScopeNode } from "../model/types";
import { NodeLink } from "../shared/NodeLink";
import { useNodes } from "../shared/queries";
import { StateBadge } from "../shared/StateBadge";
import { RearmDialog } from "./RearmDialog";

const NAMED_MAX = 5;

/** The nodes that do not trade as usual, on every risk page. */
export function StoppedBanner() {
  const nodes = useNodes();
  const may = useMay();
  const [rearming, setRearming] = useState<ScopeNode | null>(null);
  const stopped = stoppedOf(nodes.data?.items ?? []);
  return (
    <div aria-live="polite" style={{ display: "contents" }}>
      {stopped.length > 0 && (
        <Alert
          color="red"
          variant="light"
          icon={<IconBan />}
          title={`Stopped: ${stopped.length} of the tree`}
        >
          <Stack gap="xs">
            {stopped.slice(0, NAMED_MAX).map((node) => (
              <Group key={node.node_id} gap="xs">
                <StateBadge state={node.state} />
                <NodeLink nodeId={node.node_id}>{node.name}</NodeLink>
                <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                  {node.state_reason ?? ""}
                </Text>
                {may("risk:manage") && (
                  <Button
                    size="compact-xs"
                    variant="default"
                    aria-label={`Re-arm ${node.name}`}
                    onClick={() => setRearming(node)}
                  >
                    Re-arm
                  </Button>
                )}
              </Group>
            ))}
            {stopped.length > NAMED_MAX && <Text size="sm">and {stopped.length - NAMED_MAX} more</Text>}
          </Stack>
        </Alert>
      )}
      {rearming !== null && <RearmDialog node={rearming} onClose={() => setRearming(null)} />}
    </div>
  );
}
