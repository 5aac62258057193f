import { Anchor, Breadcrumbs, Button, Group, Menu, Stack, Tabs, Text } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { Empty, Found } from "../../../ui/states";
import { useAddress } from "../../../ui/useAddress";
import { useMay } from "../../../ui/useMe";
import { childKindsOf, parentsOf } from "../model/nodeForm";
import type { TreeNode } from "../model/types";
import { useNodes, useSubtree } from "../shared/queries";
import { RiskFrame } from "../shared/RiskFrame";
import { StateBadge } from "../shared/StateBadge";
import { RearmDialog } from "../stop/RearmDialog";
import { StopDialog } from "../stop/StopDialog";
import { DeleteNodeDialog, EditNodeDialog, NewNodeDialog } from "./NodeDialogs";
import { NodeLimits } from "./NodeLimits";
import { NodesBelow } from "./NodesBelow";
import { PeopleOf } from "./PeopleOf";

type Asked = "STOP" | "REARM" | "ADD" | "EDIT" | "DELETE";

/** One scope of the tree: its limits, what is below it, who is on it, and all that one may do there. */
export default function NodePage() {
  const { nodeId = "" } = useParams({ strict: false }) as { nodeId?: string };
  const subtree = useSubtree(nodeId);
  const node = subtree.data?.items[0];
  return (
    <RiskFrame
      title={node?.name ?? "Node"}
      answeredAt={subtree.dataUpdatedAt}
      actions={node !== undefined && <NodeActions node={node} />}
    >
      <Found query={subtree}>
        {({ items }) =>
          items[0] === undefined ? (
            <Empty>There is no such node in your part of the tree.</Empty>
          ) : (
            <Contents node={items[0]} />
          )
        }
      </Found>
    </RiskFrame>
  );
}

function Contents({ node }: { node: TreeNode }) {
  const [tab, setTab] = useAddress("tab", "limits");
  const mayPeople = useMay()("users:read");
  return (
    <Stack>
      <WayToNode node={node} />
      <Group gap="sm">
        <StateBadge state={node.state} />
        <Text size="sm" c="dimmed">
          {node.kind.toLowerCase().replaceAll("_", " ")}; its day began {node.session_day}, at{" "}
          {node.session_start} {node.time_zone}
        </Text>
      </Group>
      {node.state !== "ACTIVE" && (
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {node.state_reason}
        </Text>
      )}
      <Tabs value={tab} onChange={(value) => value !== null && setTab(value)} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="limits">Limits</Tabs.Tab>
          <Tabs.Tab value="below">Below it</Tabs.Tab>
          {mayPeople && <Tabs.Tab value="people">People</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="limits" pt="md">
          <NodeLimits node={node} />
        </Tabs.Panel>
        <Tabs.Panel value="below" pt="md">
          <NodesBelow node={node} />
        </Tabs.Panel>
        {mayPeople && (
          <Tabs.Panel value="people" pt="md">
            <PeopleOf node={node} />
          </Tabs.Panel>
        )}
      </Tabs>
    </Stack>
  );
}

/** From the root to the node, each a link. */
function WayToNode({ node }: { node: TreeNode }) {
  const nodes = useNodes();
  return (
    <Breadcrumbs separatorMargin="xs">
      <Anchor component={Link} to="/limits" size="sm">
        Tree
      </Anchor>
      {parentsOf(node, nodes.data?.items ?? []).map((parent) => (
        <Anchor key={parent.node_id} component={Link} to={`/limits/${parent.node_id}`} size="sm">
          {parent.name}
        </Anchor>
      ))}
      <Text size="sm">{node.name}</Text>
    </Breadcrumbs>
  );
}

function NodeActions({ node }: { node: TreeNode }) {
  const may = useMay();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = () => setAsked(null);
  const isFixed = node.kind === "FIRM" || node.kind === "ACCOUNT";
  return (
    <>
      {may("risk:manage") && node.state !== "ACTIVE" && (
        <Button variant="default" onClick={() => setAsked("REARM")}>
          Re-arm
        </Button>
      )}
      {may("risk:stop") && (
        <Button color="red" onClick={() => setAsked("STOP")}>
          Stop
        </Button>
      )}
      {may("limits:manage") && (
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="default" aria-label={`More for ${node.name}`} px="xs">
              <IconDots size={18} />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {childKindsOf(node.kind).length > 0 && (
              <Menu.Item onClick={() => setAsked("ADD")}>Add a node below</Menu.Item>
            )}
            <Menu.Item onClick={() => setAsked("EDIT")}>Name, place and calendar</Menu.Item>
            {!isFixed && (
              <Menu.Item color="red" onClick={() => setAsked("DELETE")}>
                Remove it
              </Menu.Item>
            )}
          </Menu.Dropdown>
        </Menu>
      )}
      {asked === "STOP" && <StopDialog node={node} onClose={close} />}
      {asked === "REARM" && <RearmDialog node={node} onClose={close} />}
      {asked === "ADD" && <NewNodeDialog parent={node} onClose={close} />}
      {asked === "EDIT" && <EditNodeDialog node={node} onClose={close} />}
      {asked === "DELETE" && (
        <DeleteNodeDialog
          node={node}
          onClose={close}
          onGone={() =>
            void navigate({ to: node.parent_id === null ? "/limits" : `/limits/${node.parent_id}` })
          }
        />
      )}
    </>
  );
}
