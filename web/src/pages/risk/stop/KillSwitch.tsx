import { Button, Group, Paper, Stack, Text, TextInput } from "@mantine/core";
import { IconHandStop, IconPlayerPlay } from "@tabler/icons-react";
import { useState } from "react";
import { Empty, Found } from "../../../ui/states";
import { useMay } from "../../../ui/useMe";
import { inTreeOrder } from "../model/stopping";
import type { ScopeNode } from "../model/types";
import { useNodes } from "../shared/queries";
import { StateBadge } from "../shared/StateBadge";
import { RearmDialog } from "./RearmDialog";
import { StopDialog } from "./StopDialog";

const SHOWN_MAX = 100;
const INDENT_PX = 12;

/** Every node one may stop, with buttons large enough for a thumb. Stands by itself: a phone has it as a page. */
export function KillSwitch() {
  const nodes = useNodes();
  const may = useMay();
  const [sought, setSought] = useState("");
  const [stopping, setStopping] = useState<ScopeNode | null>(null);
  const [rearming, setRearming] = useState<ScopeNode | null>(null);
  if (!may("risk:stop")) return <Empty>Your role stops nothing.</Empty>;
  return (
    <Stack gap="sm">
      <TextInput
        label="Find a node"
        size="md"
        type="search"
        value={sought}
        onChange={(event) => setSought(event.currentTarget.value)}
      />
      <Found query={nodes}>
        {({ items }) => {
          const found = inTreeOrder(items).filter(({ node }) =>
            node.name.toLowerCase().includes(sought.trim().toLowerCase()),
          );
          if (found.length === 0) return <Empty>No node has that in its name.</Empty>;
          return (
            <Stack component="ul" gap="xs" p={0} m={0} style={{ listStyle: "none" }} aria-label="Nodes">
              {found.slice(0, SHOWN_MAX).map(({ node, depth }) => (
                <li key={node.node_id} style={{ marginLeft: depth * INDENT_PX }}>
                  <NodeCard
                    node={node}
                    stop={() => setStopping(node)}
                    rearm={may("risk:manage") && node.state !== "ACTIVE" ? () => setRearming(node) : null}
                  />
                </li>
              ))}
              {found.length > SHOWN_MAX && (
                <Text size="sm" c="dimmed">
                  {found.length - SHOWN_MAX} more: find them by name.
                </Text>
              )}
            </Stack>
          );
        }}
      </Found>
      {stopping !== null && <StopDialog node={stopping} onClose={() => setStopping(null)} />}
      {rearming !== null && <RearmDialog node={rearming} onClose={() => setRearming(null)} />}
    </Stack>
  );
}

function NodeCard({ node, stop, rearm }: { node: ScopeNode; stop: () => void; rearm: (() => void) | null }) {
  return (
    <Paper withBorder p="sm" radius="md">
      <Group justify="space-between" gap="sm">
        <div style={{ minWidth: 0, flex: "1 1 160px" }}>
          <Text fw={600} style={{ overflowWrap: "anywhere" }}>
            {node.name}
          </Text>
          <Group gap={6}>
            <Text size="xs" c="dimmed">
              {node.kind.toLowerCase().replaceAll("_", " ")}
            </Text>
            <StateBadge state={node.state} />
          </Group>
          {node.state_reason !== null && node.state !== "ACTIVE" && (
            <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
              {node.state_reason}
            </Text>
          )}
        </div>
        <Group gap="xs">
          {rearm !== null && (
            <Button
              size="md"
              variant="default"
              leftSection={<IconPlayerPlay size={18} aria-hidden />}
              aria-label={`Re-arm ${node.name}`}
              onClick={rearm}
            >
              Re-arm
            </Button>
          )}
          <Button
            size="md"
            color="red"
            leftSection={<IconHandStop size={18} aria-hidden />}
            aria-label={`Stop ${node.name}`}
            onClick={stop}
          >
            Stop
          </Button>
        </Group>
      </Group>
    </Paper>
  );
}
