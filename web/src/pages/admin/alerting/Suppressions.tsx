import { Badge, Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { type Column, DataTable } from "../../../ui/DataTable";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { useMay } from "../../../ui/useMe";
import { nameOf, nodeChoices, useNodes } from "../parts/directory";
import { Section } from "../parts/Section";
import { NewSuppressionDialog, SUPPRESSIONS } from "./NewSuppressionDialog";
import { type Standing, standingOf } from "./suppression";
import { spoken } from "./words";

type Suppression = components["schemas"]["Suppression"];

const STANDINGS: Record<Standing, readonly [string, string]> = {
  IN_FORCE: ["in force", "orange"],
  COMING: ["to come", "blue"],
  OVER: ["over", "gray"],
};

export function Suppressions() {
  const { api } = usePlatform();
  const mayChange = useMay()("alerts:manage");
  const nodes = nodeChoices(useNodes().data);
  const [isMaking, setIsMaking] = useState(false);
  const [ended, setEnded] = useState<Suppression | null>(null);
  const suppressions = useQuery({
    queryKey: SUPPRESSIONS,
    queryFn: async () => (await answerOf(api.GET("/alerts/suppressions"))).items,
  });
  const now = new Date();
  return (
    <Section
      title="Suppressions"
      actions={mayChange && <Button onClick={() => setIsMaking(true)}>Suppress alerts</Button>}
    >
      <Found query={suppressions}>
        {(found) => (
          <DataTable
            label="Suppressions"
            rows={found}
            keyOf={(each) => each.suppression_id}
            empty="Nothing is suppressed. For maintenance: alerts are kept, and nobody is told."
            minWidth={820}
            columns={[
              ...columns(now, (id) => nameOf(id, nodes)),
              {
                name: "Actions",
                show: (each) =>
                  mayChange &&
                  standingOf(each, now) !== "OVER" && (
                    <Group justify="flex-end">
                      <Button
                        size="compact-sm"
                        variant="light"
                        onClick={() => setEnded(each)}
                        aria-label={`End: ${each.reason}`}
                      >
                        End it
                      </Button>
                    </Group>
                  ),
              },
            ]}
          />
        )}
      </Found>
      {isMaking && <NewSuppressionDialog onClose={() => setIsMaking(false)} />}
      {ended !== null && <EndSuppression suppression={ended} onClose={() => setEnded(null)} />}
    </Section>
  );
}

function columns(now: Date, nodeName: (id: string) => string): readonly Column<Suppression>[] {
  return [
    { name: "Reason", show: (each) => each.reason },
    {
      name: "Alerts",
      show: (each) =>
        [
          each.category === null ? null : spoken(each.category),
          each.kind === null ? null : `kind ${each.kind}`,
          each.node_id === null ? null : nodeName(each.node_id),
        ]
          .filter((part) => part !== null)
          .join(", "),
    },
    { name: "Critical ones", show: (each) => (each.includes_critical ? "suppressed too" : "come through") },
    { name: "From", show: (each) => shownTime(each.starts_at) },
    { name: "Until", show: (each) => shownTime(each.ends_at) },
    { name: "By", show: (each) => each.created_by },
    {
      name: "State",
      show: (each) => {
        const [word, colour] = STANDINGS[standingOf(each, now)];
        return (
          <Badge variant="light" color={colour}>
            {each.ended_by === null ? word : `ended by ${each.ended_by}`}
          </Badge>
        );
      },
    },
  ];
}

function EndSuppression({ suppression, onClose }: { suppression: Suppression; onClose: () => void }) {
  const { api } = usePlatform();
  const end = useAction(
    (suppression_id: string) =>
      answerOf(api.DELETE("/alerts/suppressions/{suppression_id}", { params: { path: { suppression_id } } })),
    { changes: [SUPPRESSIONS], onDone: onClose },
  );
  return (
    <ConfirmDialog
      title={`End "${suppression.reason}"`}
      confirm="End it"
      error={end.error}
      isRunning={end.isRunning}
      onConfirm={() => end.run(suppression.suppression_id)}
      onClose={onClose}
    >
      People are told again from now on. What came meanwhile is in the list of alerts.
    </ConfirmDialog>
  );
}
