import { Button, Checkbox, Group, Modal, Select, Stack } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { type Errors, type LimitDraft, NEW_LIMIT, settingOf } from "../model/limitForm";
import { inTreeOrder } from "../model/stopping";
import type { ScopeNode, TriedLimit } from "../model/types";
import { LimitFields } from "../node/LimitFields";
import { useLimitTypes } from "../shared/queries";

// What these are judged by is not recorded of a past day: the server tries them on none, and says so.
const NOT_TRIED = new Set(["CREDIT", "DEAD_MAN", "STALE_DATA"]);

/** One limit as it would have been, or that it would not have been there. */
export function ChangeDialog({
  nodes,
  add,
  onClose,
}: {
  nodes: readonly ScopeNode[];
  add: (change: TriedLimit) => void;
  onClose: () => void;
}) {
  const types = (useLimitTypes().data?.items ?? []).filter((type) => !NOT_TRIED.has(type.limit_type));
  const [nodeId, setNodeId] = useState<string | null>(null);
  const [draft, setDraft] = useState<LimitDraft>(NEW_LIMIT);
  const [isGone, setGone] = useState(false);
  const [errors, setErrors] = useState<Errors>({});
  const node = nodes.find((each) => each.node_id === nodeId);
  const type = types.find((each) => each.limit_type === draft.limitType);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (node === undefined) return setErrors({ node_id: "Choose where the limit stands" });
    if (type !== undefined && isGone) {
      const { instrument, currency } = draft;
      return add({
        node_id: node.node_id,
        limit_type: type.limit_type,
        instrument,
        value: null,
        parameters: {},
        currency,
        thresholds_pct: [],
        is_removed: true,
      });
    }
    const setting = settingOf(draft, type, node.node_id, null);
    if ("errors" in setting) return setErrors(setting.errors);
    add(setting);
  };
  return (
    <Modal opened onClose={onClose} title="Change a limit" size="lg">
      <form onSubmit={submit} noValidate>
        <Stack>
          <Select
            label="Node"
            required
            searchable
            data-autofocus
            value={nodeId}
            error={errors.node_id}
            onChange={setNodeId}
            data={inTreeOrder(nodes).map(({ node: each, depth }) => ({
              value: each.node_id,
              label: `${"\u00a0\u00a0".repeat(depth)}${each.name}`,
            }))}
          />
          <LimitFields
            draft={draft}
            change={(changed) => {
              setDraft({ ...draft, ...changed });
              setErrors({});
            }}
            types={types}
            nodeKind={node?.kind ?? ""}
            errors={isGone ? {} : errors}
          />
          <Checkbox
            label="Without this limit at all"
            checked={isGone}
            onChange={(event) => setGone(event.currentTarget.checked)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit">Try with it</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
