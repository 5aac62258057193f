import { SegmentedControl, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { asksForName, isConfirmed, STOPS, type Stop, stopsOf } from "../model/stopping";
import type { KilledNode, ScopeNode } from "../model/types";
import { LIMITS_KEY } from "../shared/queries";
import { KillOutcome } from "./KillOutcome";
import { StateChangeDialog } from "./StateChangeDialog";

export type Stoppable = Pick<ScopeNode, "node_id" | "name" | "kind" | "state">;

/** Stops a node: how, why, and, for a firm, its name typed. After a kill it shows what was cancelled and what was not. */
export function StopDialog({ node, onClose }: { node: Stoppable; onClose: () => void }) {
  const { api } = usePlatform();
  const [chosen, setStop] = useState<Stop>("KILLED");
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const [killed, setKilled] = useState<KilledNode | null>(null);
  const stops = stopsOf(node.state);
  const stop = stops.includes(chosen) ? chosen : "KILLED";
  const action = useAction(
    async (why: string): Promise<KilledNode | null> => {
      const body = { node_id: node.node_id, reason: why };
      if (stop === "KILLED") return answerOf(api.POST("/limits/kill", { body }));
      await answerOf(api.POST("/limits/brake", { body: { ...body, state: stop } }));
      return null;
    },
    {
      changes: [LIMITS_KEY, ["orders"]],
      onDone: (answer) => (answer === null ? onClose() : setKilled(answer)),
    },
  );
  if (killed !== null) return <KillOutcome killed={killed} onClose={onClose} again={() => setKilled(null)} />;
  return (
    <StateChangeDialog
      title={`Stop ${node.name}`}
      nodeName={node.name}
      confirm={`${STOPS[stop].name} ${node.name}`}
      leave="Leave it"
      color="red"
      reason={reason}
      setReason={setReason}
      action={action}
      isReady={isConfirmed(node, reason, typed)}
      below={
        asksForName(node) && (
          <TextInput
            label="The firm's name"
            description={`All of the firm stops. Type ${node.name} to confirm.`}
            required
            autoComplete="off"
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        )
      }
      onClose={onClose}
    >
      <SegmentedControl
        fullWidth
        color="red"
        aria-label="How it is stopped"
        value={stop}
        onChange={(value) => setStop(stops.find((each) => each === value) ?? "KILLED")}
        data={stops.map((each) => ({ value: each, label: STOPS[each].name }))}
      />
      <Text size="sm">{STOPS[stop].does}</Text>
    </StateChangeDialog>
  );
}
