import { Text, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { FormDialog } from "../parts/FormDialog";
import { typedMoment } from "../parts/moments";
import { RotateSecretDialog } from "../parts/RotateSecretDialog";
import { ENDPOINT_FIELDS, ENDPOINT_PATTERNS, EndpointFields } from "./EndpointFields";
import {
  type Endpoint,
  type EndpointForm,
  endpointChange,
  endpointForm,
  endpointRequest,
  NEW_ENDPOINT,
  redeliveryPeriod,
} from "./endpoint";

type Schemas = components["schemas"];

export const WEBHOOKS = ["admin", "webhooks"] as const;

export function NewEndpointDialog({
  onClose,
  onMade,
}: {
  onClose: () => void;
  onMade: (made: Schemas["NewWebhookEndpoint"]) => void;
}) {
  const { api } = usePlatform();
  const [form, setForm] = useState<EndpointForm>(NEW_ENDPOINT);
  const make = useAction(
    (terms: EndpointForm) => answerOf(api.POST("/webhooks", { body: endpointRequest(terms) })),
    { changes: [WEBHOOKS], onDone: onMade },
  );
  return (
    <FormDialog
      title="New endpoint"
      confirm="Create endpoint"
      action={make}
      fields={ENDPOINT_FIELDS}
      patterns={ENDPOINT_PATTERNS}
      onSubmit={() => make.run(form)}
      onClose={onClose}
      isReady={form.topics.length > 0}
    >
      {(errors) => (
        <EndpointFields
          form={form}
          set={(part) => setForm((before) => ({ ...before, ...part }))}
          errors={errors}
        />
      )}
    </FormDialog>
  );
}

export function ChangeEndpointDialog({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const { api } = usePlatform();
  const [form, setForm] = useState<EndpointForm>(endpointForm(endpoint));
  const path = { endpoint_id: endpoint.endpoint_id };
  const change = useAction(
    (body: Schemas["WebhookEndpointChange"]) =>
      answerOf(api.PATCH("/webhooks/{endpoint_id}", { params: { path }, body })),
    { changes: [WEBHOOKS], onDone: onClose },
  );
  const wanted = endpointChange(endpoint, form);
  return (
    <FormDialog
      title={`Change ${endpoint.name}`}
      confirm="Change"
      action={change}
      fields={ENDPOINT_FIELDS}
      patterns={ENDPOINT_PATTERNS}
      onSubmit={() => wanted !== null && change.run(wanted)}
      onClose={onClose}
      isReady={wanted !== null && form.topics.length > 0}
    >
      {(errors) => (
        <EndpointFields
          form={form}
          set={(part) => setForm((before) => ({ ...before, ...part }))}
          errors={errors}
        />
      )}
    </FormDialog>
  );
}

export function RotateEndpointDialog({
  endpoint,
  onClose,
  onRotated,
}: {
  endpoint: Endpoint;
  onClose: () => void;
  onRotated: (secret: Schemas["NewWebhookSecret"]) => void;
}) {
  const { api } = usePlatform();
  const path = { endpoint_id: endpoint.endpoint_id };
  const rotate = useAction(
    (overlap_s: number) =>
      answerOf(api.POST("/webhooks/{endpoint_id}/rotate", { params: { path }, body: { overlap_s } })),
    { changes: [WEBHOOKS], onDone: onRotated },
  );
  return <RotateSecretDialog name={endpoint.name} action={rotate} onClose={onClose} />;
}

export function RemoveEndpointDialog({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const { api } = usePlatform();
  const navigate = useNavigate();
  const remove = useAction(
    (endpoint_id: string) =>
      answerOf(api.DELETE("/webhooks/{endpoint_id}", { params: { path: { endpoint_id } } })),
    // The page itself is not read again: what it shows is gone.
    { changes: [[...WEBHOOKS, "list"]], onDone: () => void navigate({ to: "/webhooks", replace: true }) },
  );
  return (
    <ConfirmDialog
      title={`Remove ${endpoint.name}`}
      confirm="Remove"
      error={remove.error}
      isRunning={remove.isRunning}
      onConfirm={() => remove.run(endpoint.endpoint_id)}
      onClose={onClose}
    >
      With its queue of {endpoint.waiting} and its log. To stop for a while, pause it instead.
    </ConfirmDialog>
  );
}

const HOUR_MS = 3_600_000;

export function RedeliverDialog({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const { api } = usePlatform();
  const [since, setSince] = useState(() => typedMoment(new Date(Date.now() - HOUR_MS)));
  const [until, setUntil] = useState(() => typedMoment(new Date()));
  const [queued, setQueued] = useState<Schemas["Redelivered"] | null>(null);
  const path = { endpoint_id: endpoint.endpoint_id };
  const redeliver = useAction(
    (body: Schemas["RedeliveryPeriod"]) =>
      answerOf(api.POST("/webhooks/{endpoint_id}/redeliver", { params: { path }, body })),
    {
      changes: [WEBHOOKS],
      onDone: (answer) => {
        setQueued(answer);
        if (answer.goes_on_since !== null) setSince(typedMoment(new Date(answer.goes_on_since)));
      },
    },
  );
  const goesOn = queued?.goes_on_since ?? null;
  const period = redeliveryPeriod(since, until, goesOn);
  return (
    <FormDialog
      title={`Send a period again to ${endpoint.name}`}
      confirm={goesOn === null ? "Send again" : "Go on"}
      action={redeliver}
      fields={["since", "until"]}
      onSubmit={() => "body" in period && redeliver.run(period.body)}
      onClose={onClose}
      isReady={"body" in period}
    >
      {(errors) => (
        <>
          <Text size="sm">
            Everything that it wants now and that happened in that time, of the last 30 days.
          </Text>
          <TextInput
            label="Since"
            type="datetime-local"
            required
            value={since}
            error={errors.since}
            onChange={(event) => setSince(event.currentTarget.value)}
          />
          <TextInput
            label="Until"
            type="datetime-local"
            required
            value={until}
            error={errors.until ?? ("problem" in period ? period.problem : undefined)}
            onChange={(event) => setUntil(event.currentTarget.value)}
          />
          {queued !== null && (
            <Text size="sm" role="status">
              {queued.queued} were queued.
              {goesOn !== null && ` More remain since ${shownTime(goesOn)}.`}
            </Text>
          )}
        </>
      )}
    </FormDialog>
  );
}
