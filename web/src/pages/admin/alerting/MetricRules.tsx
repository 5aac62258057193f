import { Badge, Button, Group, Stack, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { type Column, DataTable } from "../../../ui/DataTable";
import { Failed, Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { useMay } from "../../../ui/useMe";
import { Section } from "../parts/Section";
import { MetricRuleDialog, RULES } from "./MetricRuleDialog";
import { type Rule, shownCondition, shownLabels } from "./metricRule";
import { SEVERITY_COLOURS, spoken } from "./words";

type Asked = { readonly kind: "NEW" } | { readonly kind: "CHANGE" | "REMOVE"; readonly rule: Rule } | null;

const LOOK_EVERY_MS = 10_000;

export function MetricRules() {
  const { api } = usePlatform();
  const mayChange = useMay()("alerts:manage");
  const [asked, setAsked] = useState<Asked>(null);
  const rules = useQuery({
    queryKey: RULES,
    queryFn: async () => (await answerOf(api.GET("/alerts/rules"))).items,
    refetchInterval: LOOK_EVERY_MS,
  });
  const enable = useAction(
    ({ rule, is_enabled }: { rule: Rule; is_enabled: boolean }) =>
      answerOf(
        api.PATCH("/alerts/rules/{rule_id}", {
          params: { path: { rule_id: rule.rule_id } },
          body: { is_enabled },
        }),
      ),
    { changes: [RULES] },
  );
  const close = () => setAsked(null);
  return (
    <Section
      title="Metric rules"
      actions={mayChange && <Button onClick={() => setAsked({ kind: "NEW" })}>New rule</Button>}
    >
      {enable.error !== null && <Failed error={enable.error} />}
      <Found query={rules}>
        {(found) => (
          <DataTable
            label="Metric rules"
            rows={found}
            keyOf={(rule) => rule.rule_id}
            empty="No rules. One says when a figure, such as the loss of the day, is worth an alert."
            minWidth={900}
            columns={[
              ...COLUMNS,
              {
                name: "On",
                show: (rule) => (
                  <Switch
                    aria-label={`${rule.name} is on`}
                    checked={rule.is_enabled}
                    disabled={!mayChange || enable.isRunning}
                    onChange={(event) => enable.run({ rule, is_enabled: event.currentTarget.checked })}
                  />
                ),
              },
              {
                name: "Actions",
                show: (rule) =>
                  mayChange && (
                    <Group gap="xs" wrap="nowrap" justify="flex-end">
                      <Button
                        size="compact-sm"
                        variant="light"
                        onClick={() => setAsked({ kind: "CHANGE", rule })}
                        aria-label={`Change ${rule.name}`}
                      >
                        Change
                      </Button>
                      <Button
                        size="compact-sm"
                        variant="light"
                        color="red"
                        onClick={() => setAsked({ kind: "REMOVE", rule })}
                        aria-label={`Remove ${rule.name}`}
                      >
                        Remove
                      </Button>
                    </Group>
                  ),
              },
            ]}
          />
        )}
      </Found>
      {asked?.kind === "NEW" && <MetricRuleDialog rule={null} onClose={close} />}
      {asked?.kind === "CHANGE" && <MetricRuleDialog rule={asked.rule} onClose={close} />}
      {asked?.kind === "REMOVE" && <RemoveRule rule={asked.rule} onClose={close} />}
    </Section>
  );
}

const COLUMNS: readonly Column<Rule>[] = [
  {
    name: "Rule",
    show: (rule) => (
      <Stack gap={0}>
        <Text size="sm" fw={600}>
          {rule.name}
        </Text>
        <Text size="xs" c="dimmed">
          {rule.metric} {shownLabels(rule.labels)}
        </Text>
      </Stack>
    ),
  },
  { name: "Crossed when", show: (rule) => `${shownCondition(rule)}, for ${rule.for_s} s` },
  {
    name: "Alert",
    show: (rule) => (
      <Stack gap={2} align="flex-start">
        <Badge variant="light" color={SEVERITY_COLOURS[rule.severity] ?? "gray"}>
          {rule.severity}
        </Badge>
        <Text size="xs" c="dimmed">
          {spoken(rule.category)}
        </Text>
      </Stack>
    ),
  },
  {
    name: "Now",
    show: (rule) =>
      rule.crossed.length === 0 ? (
        <Badge variant="light" color={rule.is_enabled ? "teal" : "gray"}>
          {rule.is_enabled ? "as usual" : "off"}
        </Badge>
      ) : (
        rule.crossed.map((series) => (
          <Stack key={shownLabels(series.labels)} gap={0} align="flex-start">
            <Badge variant="light" color="red">
              crossed
            </Badge>
            <Text size="xs" c="dimmed">
              {shownLabels(series.labels)} {series.since !== null && `since ${shownTime(series.since)}`}
            </Text>
          </Stack>
        ))
      ),
  },
];

function RemoveRule({ rule, onClose }: { rule: Rule; onClose: () => void }) {
  const { api } = usePlatform();
  const remove = useAction(
    (rule_id: string) => answerOf(api.DELETE("/alerts/rules/{rule_id}", { params: { path: { rule_id } } })),
    { changes: [RULES], onDone: onClose },
  );
  return (
    <ConfirmDialog
      title={`Remove "${rule.name}"`}
      confirm="Remove"
      error={remove.error}
      isRunning={remove.isRunning}
      onConfirm={() => remove.run(rule.rule_id)}
      onClose={onClose}
    >
      Nobody is told of it any more. To be rid of it for a while, switch it off.
    </ConfirmDialog>
  );
}
