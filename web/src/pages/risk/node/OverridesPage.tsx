import { Badge, Button, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { useAddress } from "../../../ui/useAddress";
import { useMay, useMe } from "../../../ui/useMe";
import { limitName, parameterWords, unitWords, valueWords } from "../model/limitWords";
import { stepsOf } from "../model/overrides";
import type { LimitType, Override } from "../model/types";
import { NodeLink } from "../shared/NodeLink";
import { LIMITS_KEY, useLimitTypes, useOverrides } from "../shared/queries";
import { RiskFrame } from "../shared/RiskFrame";
import { ChooseLimitDialog } from "./ChooseLimitDialog";
import { TakenWithWarnings } from "./TakenWithWarnings";

const COLOURS: Readonly<Record<string, string>> = {
  REQUESTED: "orange",
  APPROVED: "blue",
  ACTIVE: "grape",
  ENDED: "gray",
};

/** Other values for a while: who asked, who approved, until when. */
export default function OverridesPage() {
  const [shown, setShown] = useAddress("shown", "open");
  const overrides = useOverrides({ openOnly: shown !== "all" });
  const types = useLimitTypes().data?.items ?? [];
  const mayAsk = useMay()("limits:manage");
  const [isAsking, setAsking] = useState(false);
  return (
    <RiskFrame
      title="Overrides"
      answeredAt={overrides.dataUpdatedAt}
      actions={mayAsk && <Button onClick={() => setAsking(true)}>Ask for an override</Button>}
    >
      <SegmentedControl
        aria-label="Which overrides"
        style={{ alignSelf: "flex-start" }}
        value={shown === "all" ? "all" : "open"}
        onChange={setShown}
        data={[
          { value: "open", label: "Open" },
          { value: "all", label: "All" },
        ]}
      />
      <Found query={overrides}>{({ items }) => <OverrideTable overrides={items} types={types} />}</Found>
      {isAsking && <ChooseLimitDialog onClose={() => setAsking(false)} />}
    </RiskFrame>
  );
}

function OverrideTable({
  overrides,
  types,
}: {
  overrides: readonly Override[];
  types: readonly LimitType[];
}) {
  // Kept here: the row of one that is ended goes.
  const [warnings, setWarnings] = useState<readonly string[]>([]);
  if (warnings.length > 0) {
    return <TakenWithWarnings title="The override" warnings={warnings} onClose={() => setWarnings([])} />;
  }
  return (
    <DataTable
      label="Overrides"
      rows={overrides}
      keyOf={(override) => override.override_id}
      empty="No override: every limit is as it was set."
      minWidth={1000}
      columns={[
        {
          name: "State",
          show: (override) => (
            <Badge miw="max-content" variant="light" color={COLOURS[override.state] ?? "gray"}>
              {override.state.toLowerCase()}
            </Badge>
          ),
        },
        {
          name: "Node",
          show: (override) =>
            override.node_id !== null && <NodeLink nodeId={override.node_id}>{override.node_name}</NodeLink>,
        },
        { name: "Limit", show: nameOf },
        {
          name: "Set",
          isNumber: true,
          show: (override) => wordsOf(override, override.set_value, override.set_parameters, types),
        },
        {
          name: "To",
          isNumber: true,
          show: (override) =>
            override.is_exempt
              ? "does not hold"
              : wordsOf(override, override.value, override.parameters, types),
        },
        { name: "From", show: (override) => shownTime(override.starts_at) },
        { name: "Until", show: (override) => shownTime(override.ends_at) },
        { name: "Who", show: (override) => <Who override={override} /> },
        {
          name: "Reason",
          show: (override) => (
            <Text size="sm" maw={220} style={{ overflowWrap: "anywhere" }}>
              {override.reason}
            </Text>
          ),
        },
        { name: "Do", show: (override) => <Steps override={override} warn={setWarnings} /> },
      ]}
    />
  );
}

function nameOf(override: Override): string {
  if (override.limit_type === null) return "a limit that is gone";
  return limitName({ limit_type: override.limit_type, instrument: override.instrument ?? "*" });
}

function wordsOf(
  override: Override,
  value: string | null,
  parameters: Override["parameters"],
  types: readonly LimitType[],
): string {
  const amount = value === null ? "" : amountOf(override, value, types);
  return [amount, parameterWords(parameters ?? {})].filter((words) => words !== "").join(", ");
}

function amountOf(override: Override, value: string, types: readonly LimitType[]): string {
  const unit = types.find((type) => type.limit_type === override.limit_type)?.unit ?? "";
  const limit = { instrument: override.instrument ?? "*", currency: override.currency ?? "", parameters: {} };
  return `${valueWords(value, unit)} ${unitWords(limit, unit)}`.trim();
}

function Who({ override }: { override: Override }) {
  return (
    <Stack gap={0}>
      <Text size="xs">asked by {override.requested_by}</Text>
      {override.approved_by !== null && <Text size="xs">approved by {override.approved_by}</Text>}
      {override.ended_at !== null && (
        <Text size="xs">
          ended {override.ended_by === null ? "by itself" : `by ${override.ended_by}`},{" "}
          {shownTime(override.ended_at)}
        </Text>
      )}
    </Stack>
  );
}

function Steps({ override, warn }: { override: Override; warn: (warnings: readonly string[]) => void }) {
  const { api } = usePlatform();
  const username = useMe()?.username ?? "";
  const may = useMay();
  const steps = stepsOf(override, username, may);
  const path = { override_id: override.override_id };
  const action = useAction(
    (step: "approve" | "end") =>
      step === "approve"
        ? answerOf(api.POST("/limits/overrides/{override_id}/approve", { params: { path } }))
        : answerOf(api.POST("/limits/overrides/{override_id}/end", { params: { path } })),
    { changes: [LIMITS_KEY], onDone: (changed) => warn(changed.warnings) },
  );
  return (
    <Stack gap={4}>
      <Group gap={4} wrap="nowrap">
        {steps.mayApprove && (
          <Button size="compact-xs" loading={action.isRunning} onClick={() => action.run("approve")}>
            Approve
          </Button>
        )}
        {steps.mayEnd && (
          <Button
            size="compact-xs"
            variant="default"
            loading={action.isRunning}
            onClick={() => action.run("end")}
          >
            {override.state === "REQUESTED" && steps.isOwn ? "Take back" : "End"}
          </Button>
        )}
      </Group>
      {steps.isOwn && (
        <Text size="xs" c="dimmed">
          Somebody else must approve it.
        </Text>
      )}
      {action.error !== null && (
        <Text size="xs" c="red" role="alert">
          {action.error.message}
        </Text>
      )}
    </Stack>
  );
}
