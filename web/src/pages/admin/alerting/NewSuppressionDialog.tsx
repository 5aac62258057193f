import { Checkbox, Select, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { nodeChoices, useNodes } from "../parts/directory";
import { FormDialog } from "../parts/FormDialog";
import { typedMoment } from "../parts/moments";
import { type SuppressionForm, suppressionRequest } from "./suppression";
import { type Category, categoryChoices } from "./words";

export const SUPPRESSIONS = ["admin", "suppressions"] as const;

const HOUR_MS = 3_600_000;

export function NewSuppressionDialog({ onClose }: { onClose: () => void }) {
  const { api } = usePlatform();
  const nodes = nodeChoices(useNodes().data);
  const [form, setForm] = useState<SuppressionForm>(() => ({
    category: null,
    kind: "",
    nodeId: null,
    includesCritical: false,
    starts: "",
    ends: typedMoment(new Date(Date.now() + HOUR_MS)),
    reason: "",
  }));
  const set = (part: Partial<SuppressionForm>) => setForm((before) => ({ ...before, ...part }));
  const suppress = useAction(
    (terms: SuppressionForm) =>
      answerOf(api.POST("/alerts/suppressions", { body: suppressionRequest(terms) })),
    { changes: [SUPPRESSIONS], onDone: onClose },
  );
  return (
    <FormDialog
      title="Suppress alerts"
      confirm="Suppress"
      action={suppress}
      fields={["category", "kind", "node_id", "includes_critical", "starts_at", "ends_at", "reason"]}
      patterns={{ kind: "capital letters, digits and _, such as NODE_STATE" }}
      onSubmit={() => suppress.run(form)}
      onClose={onClose}
      isReady={form.ends !== ""}
    >
      {(errors) => (
        <>
          <Select
            label="Category"
            description="Of category, kind and node at least one; alerts match all that are named"
            data={categoryChoices()}
            value={form.category}
            error={errors.category}
            clearable
            clearButtonProps={{ "aria-label": "No category" }}
            onChange={(category) => set({ category: category as Category | null })}
          />
          <TextInput
            label="Kind"
            placeholder="NODE_STATE"
            maxLength={60}
            value={form.kind}
            error={errors.kind}
            onChange={(event) => set({ kind: event.currentTarget.value })}
          />
          <Select
            label="Node"
            data={nodes}
            value={form.nodeId}
            error={errors.node_id}
            searchable
            clearable
            clearButtonProps={{ "aria-label": "No node" }}
            onChange={(nodeId) => set({ nodeId })}
          />
          <TextInput
            label="From"
            description="Empty: from now"
            type="datetime-local"
            value={form.starts}
            error={errors.starts_at}
            onChange={(event) => set({ starts: event.currentTarget.value })}
          />
          <TextInput
            label="Until"
            description="30 days at most"
            type="datetime-local"
            required
            value={form.ends}
            error={errors.ends_at}
            onChange={(event) => set({ ends: event.currentTarget.value })}
          />
          <Textarea
            label="Reason"
            required
            autosize
            maxLength={500}
            value={form.reason}
            error={errors.reason}
            onChange={(event) => set({ reason: event.currentTarget.value })}
          />
          <Checkbox
            label="Critical ones too"
            description="Otherwise they come through"
            checked={form.includesCritical}
            onChange={(event) => set({ includesCritical: event.currentTarget.checked })}
          />
        </>
      )}
    </FormDialog>
  );
}
