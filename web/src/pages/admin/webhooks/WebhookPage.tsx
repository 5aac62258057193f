import { Alert, Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { PageFrame } from "../../../ui/PageFrame";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { accountChoices, nameOf, useAccounts } from "../parts/directory";
import { Facts } from "../parts/Facts";
import { SecretOnce } from "../parts/SecretOnce";
import { Section } from "../parts/Section";
import { Deliveries } from "./Deliveries";
import {
  ChangeEndpointDialog,
  RedeliverDialog,
  RemoveEndpointDialog,
  RotateEndpointDialog,
  WEBHOOKS,
} from "./dialogs";
import type { Endpoint } from "./endpoint";
import { EndpointState } from "./WebhooksPage";

const LOOK_EVERY_MS = 5_000;

export default function WebhookPage() {
  const { api } = usePlatform();
  const { endpointId = "" } = useParams({ strict: false }) as { endpointId?: string };
  const endpoint = useQuery({
    queryKey: [...WEBHOOKS, endpointId, "endpoint"],
    queryFn: () =>
      answerOf(api.GET("/webhooks/{endpoint_id}", { params: { path: { endpoint_id: endpointId } } })),
    refetchInterval: LOOK_EVERY_MS,
  });
  return (
    <PageFrame title={endpoint.data?.name ?? "Endpoint"}>
      <Found query={endpoint}>
        {(found) => (
          <>
            <About endpoint={found} />
            <Deliveries endpoint={found} />
          </>
        )}
      </Found>
    </PageFrame>
  );
}

type Asked = "CHANGE" | "ROTATE" | "REDELIVER" | "REMOVE" | null;

function About({ endpoint }: { endpoint: Endpoint }) {
  const { api } = usePlatform();
  const accounts = accountChoices(useAccounts().data);
  const [asked, setAsked] = useState<Asked>(null);
  const [secret, setSecret] = useState<components["schemas"]["NewWebhookSecret"] | null>(null);
  const path = { params: { path: { endpoint_id: endpoint.endpoint_id } } };
  const done = { changes: [WEBHOOKS] };
  const isPaused = endpoint.state === "PAUSED";
  const pause = useAction(
    (wanted: boolean) =>
      answerOf(
        wanted
          ? api.POST("/webhooks/{endpoint_id}/pause", path)
          : api.POST("/webhooks/{endpoint_id}/resume", path),
      ),
    done,
  );
  const ping = useAction((_: null) => answerOf(api.POST("/webhooks/{endpoint_id}/ping", path)), done);
  const error = pause.error ?? ping.error;
  const close = () => setAsked(null);
  return (
    <Section
      title="Endpoint"
      actions={
        <>
          <Button variant="default" onClick={() => ping.run(null)} loading={ping.isRunning}>
            Ping
          </Button>
          <Button variant="default" onClick={() => pause.run(!isPaused)} loading={pause.isRunning}>
            {isPaused ? "Resume" : "Pause"}
          </Button>
          <Button variant="default" onClick={() => setAsked("CHANGE")}>
            Change
          </Button>
          <Button variant="default" onClick={() => setAsked("ROTATE")}>
            Rotate secret
          </Button>
          <Button variant="default" onClick={() => setAsked("REDELIVER")}>
            Send a period again
          </Button>
          <Button variant="light" color="red" onClick={() => setAsked("REMOVE")}>
            Remove
          </Button>
        </>
      }
    >
      {error !== null && (
        <Alert color="red" role="alert">
          {error.message}
        </Alert>
      )}
      {isPaused && (
        <Alert color="orange">
          Paused{endpoint.paused_at === null ? "" : ` since ${shownTime(endpoint.paused_at)}`}
          {endpoint.paused_by === null ? "" : ` by ${endpoint.paused_by}`}
          {endpoint.paused_reason === null ? "" : `: ${endpoint.paused_reason}`}. Events wait, 20,000 at most.
        </Alert>
      )}
      {endpoint.missed > 0 && (
        <Alert color="red">
          {endpoint.missed} events were not queued because the queue was full
          {endpoint.missed_since === null ? "" : `, since ${shownTime(endpoint.missed_since)}`}. Send the
          period again.
        </Alert>
      )}
      <Facts
        facts={[
          ["State", <EndpointState key="state" endpoint={endpoint} />],
          ["Address", endpoint.url],
          ["Topics", endpoint.topics.join(", ")],
          [
            "Accounts",
            endpoint.account_ids === null
              ? "all, and the organisation's own"
              : endpoint.account_ids.map((id) => nameOf(id, accounts)).join(", "),
          ],
          ["Waiting", String(endpoint.waiting)],
          [
            "Last delivered",
            endpoint.last_delivered_at === null ? "never" : shownTime(endpoint.last_delivered_at),
          ],
          ["Next try", endpoint.retry_at === null ? "as events come" : shownTime(endpoint.retry_at)],
          ["Made", `${shownTime(endpoint.created_at)} by ${endpoint.created_by}`],
          ...(endpoint.older_secret_ends_at === null
            ? []
            : [["The old secret signs until", shownTime(endpoint.older_secret_ends_at)] as const]),
        ]}
      />
      {asked === "CHANGE" && <ChangeEndpointDialog endpoint={endpoint} onClose={close} />}
      {asked === "REDELIVER" && <RedeliverDialog endpoint={endpoint} onClose={close} />}
      {asked === "REMOVE" && <RemoveEndpointDialog endpoint={endpoint} onClose={close} />}
      {asked === "ROTATE" && (
        <RotateEndpointDialog
          endpoint={endpoint}
          onClose={close}
          onRotated={(answer) => {
            close();
            setSecret(answer);
          }}
        />
      )}
      {secret !== null && (
        <SecretOnce
          title={`The new secret of ${endpoint.name}`}
          parts={[{ name: "Secret", value: secret.secret }]}
          onClose={() => setSecret(null)}
        >
          Both secrets sign until {shownTime(secret.older_works_until)}.
        </SecretOnce>
      )}
    </Section>
  );
}
