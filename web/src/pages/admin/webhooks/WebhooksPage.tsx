import { Anchor, Badge, Button, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { PageFrame } from "../../../ui/PageFrame";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { SecretOnce } from "../parts/SecretOnce";
import { NewEndpointDialog, WEBHOOKS } from "./dialogs";
import type { Endpoint } from "./endpoint";

const LOOK_EVERY_MS = 10_000;

export default function WebhooksPage() {
  const { api } = usePlatform();
  const [isMaking, setIsMaking] = useState(false);
  const [made, setMade] = useState<components["schemas"]["NewWebhookEndpoint"] | null>(null);
  const endpoints = useQuery({
    queryKey: [...WEBHOOKS, "list"],
    queryFn: async () => (await answerOf(api.GET("/webhooks"))).items,
    refetchInterval: LOOK_EVERY_MS,
  });
  return (
    <PageFrame title="Webhooks" actions={<Button onClick={() => setIsMaking(true)}>New endpoint</Button>}>
      <Found query={endpoints}>
        {(found) => (
          <DataTable
            label="Webhook endpoints"
            rows={found}
            keyOf={(endpoint) => endpoint.endpoint_id}
            empty="No endpoints. One is an address of yours that is told of what happens: a signed POST for each event, in order within an account."
            minWidth={820}
            columns={[
              {
                name: "Name",
                show: (endpoint) => (
                  <Anchor component={Link} to={`/webhooks/${endpoint.endpoint_id}`} size="sm" fw={600}>
                    {endpoint.name}
                  </Anchor>
                ),
              },
              {
                name: "Address",
                show: (endpoint) => (
                  <Text size="sm" maw={280} truncate title={endpoint.url}>
                    {endpoint.url}
                  </Text>
                ),
              },
              { name: "Topics", show: (endpoint) => endpoint.topics.join(", ") },
              { name: "State", show: (endpoint) => <EndpointState endpoint={endpoint} /> },
              { name: "Waiting", isNumber: true, show: (endpoint) => endpoint.waiting },
              {
                name: "Last delivered",
                show: (endpoint) =>
                  endpoint.last_delivered_at === null ? "never" : shownTime(endpoint.last_delivered_at),
              },
            ]}
          />
        )}
      </Found>
      {isMaking && (
        <NewEndpointDialog
          onClose={() => setIsMaking(false)}
          onMade={(answer) => {
            setIsMaking(false);
            setMade(answer);
          }}
        />
      )}
      {made !== null && (
        <SecretOnce
          title={`The secret of ${made.endpoint.name}`}
          parts={[{ name: "Secret", value: made.secret }]}
          onClose={() => setMade(null)}
        >
          <Text size="sm">The receiver checks each call's signature with it: docs/webhooks.md.</Text>
        </SecretOnce>
      )}
    </PageFrame>
  );
}

export function EndpointState({ endpoint }: { endpoint: Endpoint }) {
  const isFailing = endpoint.failing_since !== null;
  const [word, colour] =
    endpoint.state === "PAUSED" ? ["paused", "orange"] : isFailing ? ["failing", "red"] : ["active", "teal"];
  return (
    <Stack gap={2} align="flex-start">
      <Badge variant="light" color={colour}>
        {word}
      </Badge>
      {endpoint.failing_since !== null && (
        <Text size="xs" c="dimmed">
          since {shownTime(endpoint.failing_since)}
        </Text>
      )}
    </Stack>
  );
}
