import { Anchor, Badge, Select } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { type Column, DataTable } from "../../../ui/DataTable";
import { shownTime } from "../../../ui/times";
import { useAddress } from "../../../ui/useAddress";
import { FoundPages, usePages } from "../parts/pages";
import { Section } from "../parts/Section";
import { DeliveryDialog } from "./DeliveryDialog";
import { WEBHOOKS } from "./dialogs";
import type { Endpoint } from "./endpoint";

type Delivery = components["schemas"]["WebhookDelivery"];
type State = components["schemas"]["DeliveryState"];

const STATES: { value: State | "ALL"; label: string }[] = [
  { value: "ALL", label: "All" },
  { value: "WAITING", label: "Waiting" },
  { value: "DELIVERED", label: "Delivered" },
  { value: "DEAD", label: "Given up" },
];
const LOOK_EVERY_MS = 5_000;
const COLOURS: Record<State, string> = { WAITING: "blue", DELIVERED: "teal", DEAD: "red" };

/** What was sent, the newest first, and what became of it. */
export function Deliveries({ endpoint }: { endpoint: Endpoint }) {
  const { api } = usePlatform();
  const [wanted, want] = useAddress("state", "ALL");
  const [shown, setShown] = useState<string | null>(null);
  const state = STATES.find((each) => each.value === wanted && each.value !== "ALL")?.value as
    | State
    | undefined;
  const path = { endpoint_id: endpoint.endpoint_id };
  const deliveries = usePages<Delivery, number>(
    [...WEBHOOKS, endpoint.endpoint_id, "deliveries", wanted],
    async (cursor) => {
      const query = { state: state ?? null, cursor };
      const answer = await answerOf(
        api.GET("/webhooks/{endpoint_id}/deliveries", { params: { path, query } }),
      );
      return { items: answer.items, next: answer.next_cursor };
    },
    LOOK_EVERY_MS,
  );
  return (
    <Section
      title="Deliveries"
      actions={
        <Select
          aria-label="Deliveries that are"
          data={STATES}
          value={state ?? "ALL"}
          allowDeselect={false}
          w={150}
          onChange={(chosen) => chosen !== null && want(chosen)}
        />
      }
    >
      <FoundPages pages={deliveries}>
        {(items) => (
          <DataTable
            label="Deliveries"
            rows={items}
            keyOf={(delivery) => delivery.delivery_id}
            empty={wanted === "ALL" ? "Nothing was sent yet. Ping it to see whether it answers." : "None."}
            minWidth={760}
            columns={columns(setShown)}
          />
        )}
      </FoundPages>
      {shown !== null && (
        <DeliveryDialog endpoint={endpoint} deliveryId={shown} onClose={() => setShown(null)} />
      )}
    </Section>
  );
}

function columns(onShow: (id: string) => void): readonly Column<Delivery>[] {
  return [
    {
      name: "Queued",
      show: (delivery) => (
        <Anchor component="button" type="button" size="sm" onClick={() => onShow(delivery.delivery_id)}>
          {shownTime(delivery.queued_at)}
        </Anchor>
      ),
    },
    { name: "Topic", show: (delivery) => delivery.topic },
    { name: "Kind", show: (delivery) => delivery.kind.toLowerCase() },
    {
      name: "State",
      show: (delivery) => (
        <Badge variant="light" color={COLOURS[delivery.state]}>
          {delivery.state === "DEAD" ? "given up" : delivery.state.toLowerCase()}
        </Badge>
      ),
    },
    { name: "Tries", isNumber: true, show: (delivery) => delivery.attempts },
    {
      name: "Answer",
      show: (delivery) => {
        if (delivery.last_outcome === null) return "";
        return delivery.last_status === null
          ? delivery.last_outcome.toLowerCase().replaceAll("_", " ")
          : String(delivery.last_status);
      },
    },
    {
      name: "Took",
      isNumber: true,
      show: (delivery) => (delivery.last_latency_ms === null ? "" : `${delivery.last_latency_ms} ms`),
    },
  ];
}
