import { DataTable } from "../../../ui/DataTable";
import { leasedUnder, leasesBelow } from "../model/leased";
import { hottestBelow, nodesOf } from "../model/limitTree";
import { limitName } from "../model/limitWords";
import type { TreeNode } from "../model/types";
import { NodeLink } from "../shared/NodeLink";
import { useLeases } from "../shared/queries";
import { StateBadge } from "../shared/StateBadge";
import { UseBar } from "../shared/UseBar";

/** The nodes right below, each with the limit that is nearest to its value there or further below. */
export function NodesBelow({ node }: { node: TreeNode }) {
  const leases = useLeases().data?.items ?? [];
  return (
    <DataTable
      label={`Nodes below ${node.name}`}
      rows={node.children}
      keyOf={(child) => child.node_id}
      empty="Nothing stands below it."
      columns={[
        { name: "Node", show: (child) => <NodeLink nodeId={child.node_id}>{child.name}</NodeLink> },
        { name: "Kind", show: (child) => child.kind.toLowerCase().replaceAll("_", " ") },
        { name: "State", show: (child) => <StateBadge state={child.state} /> },
        { name: "Nearest to its value", show: (child) => hottestWords(child) },
        {
          name: "Use",
          show: (child) => {
            const hottest = hottestBelow(child);
            const owner = [...nodesOf([child])].find((each) => each.node_id === hottest?.node_id);
            if (hottest === null || owner === undefined) return null;
            return <UseBar limit={hottest} leased={leasedUnder(hottest, leasesBelow(owner, leases))} />;
          },
        },
      ]}
    />
  );
}

function hottestWords(child: TreeNode): string {
  const hottest = hottestBelow(child);
  return hottest === null ? "nothing measured" : limitName(hottest);
}
