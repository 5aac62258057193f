import { Modal, Select, Stack } from "@mantine/core";
import { useState } from "react";
import { Found } from "../../../ui/states";
import { nodesOf } from "../model/limitTree";
import { limitName } from "../model/limitWords";
import type { Limit, TreeNode } from "../model/types";
import { useLimitTree } from "../shared/queries";
import { OverrideDialog } from "./OverrideDialog";

/** Node, then limit, then what is asked for. Of limits with a value: the others have nothing to override. */
export function ChooseLimitDialog({ onClose }: { onClose: () => void }) {
  const tree = useLimitTree();
  const [nodeId, setNodeId] = useState<string | null>(null);
  const [chosen, setChosen] = useState<{ limit: Limit; node: TreeNode } | null>(null);
  if (chosen !== null) {
    return <OverrideDialog limit={chosen.limit} nodeName={chosen.node.name} onClose={onClose} />;
  }
  return (
    <Modal opened onClose={onClose} title="Ask for an override" centered>
      <Found query={tree}>
        {({ items }) => {
          const nodes = [...nodesOf(items)].filter((node) =>
            node.limits.some((limit) => limit.value !== null),
          );
          const node = nodes.find((each) => each.node_id === nodeId);
          return (
            <Stack>
              <Select
                label="Node"
                searchable
                data-autofocus
                value={nodeId}
                onChange={setNodeId}
                data={nodes.map((each) => ({ value: each.node_id, label: each.name }))}
              />
              <Select
                label="Limit"
                searchable
                disabled={node === undefined}
                value={null}
                onChange={(limitId) => {
                  const limit = node?.limits.find((each) => each.limit_id === limitId);
                  if (node !== undefined && limit !== undefined) setChosen({ limit, node });
                }}
                data={(node?.limits ?? [])
                  .filter((limit) => limit.value !== null)
                  .map((limit) => ({ value: limit.limit_id, label: limitName(limit) }))}
              />
            </Stack>
          );
        }}
      </Found>
    </Modal>
  );
}
