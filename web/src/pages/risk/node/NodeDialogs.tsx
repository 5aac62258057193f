import { Alert, Button, Group, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { formProblem } from "../../../ui/formProblem";
import { type Action, useAction } from "../../../ui/useAction";
import { useMay } from "../../../ui/useMe";
import { childKindsOf, KIND_WORDS, type NewKind, placesFor } from "../model/nodeForm";
import type { ScopeNode } from "../model/types";
import { LIMITS_KEY, useNodes } from "../shared/queries";
import { TakenWithWarnings } from "./TakenWithWarnings";

const FIELDS = ["name", "kind", "parent_id", "time_zone", "session_start", "api_key_id"];
const TIME_ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];

/** A desk, trader, strategy or key below a node. An account comes with the administration's accounts. */
export function NewNodeDialog({ parent, onClose }: { parent: ScopeNode; onClose: () => void }) {
  const { api } = usePlatform();
  const kinds = childKindsOf(parent.kind);
  const [kind, setKind] = useState<NewKind>(kinds[0] ?? "DESK");
  const [name, setName] = useState("");
  const [keyId, setKeyId] = useState("");
  const mayKeys = useMay()("api_keys:manage");
  const keys = useQuery({
    queryKey: ["api-keys"],
    queryFn: () => answerOf(api.GET("/api-keys")),
    enabled: mayKeys && kind === "API_KEY",
  });
  const action = useAction(
    () =>
      answerOf(
        api.POST("/limits/nodes", {
          body: {
            parent_id: parent.node_id,
            kind,
            name: name.trim(),
            ...(kind === "API_KEY" ? { api_key_id: keyId } : {}),
          },
        }),
      ),
    { changes: [LIMITS_KEY], onDone: onClose },
  );
  const { fields } = formProblem(action.error, FIELDS);
  return (
    <NodeForm
      title={`Add below ${parent.name}`}
      confirm="Add"
      action={action}
      isReady={name.trim() !== ""}
      onClose={onClose}
    >
      <Select
        label="Kind"
        allowDeselect={false}
        value={kind}
        error={fields.kind ?? fields.parent_id}
        onChange={(value) => setKind(kinds.find((each) => each === value) ?? kind)}
        data={kinds.map((each) => ({ value: each, label: KIND_WORDS[each] }))}
      />
      <TextInput
        label="Name"
        required
        data-autofocus
        maxLength={120}
        value={name}
        error={fields.name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {kind === "API_KEY" && (
        <Select
          label="API key"
          description="A key with a place in the tree trades there alone."
          searchable
          required
          value={keyId === "" ? null : keyId}
          error={fields.api_key_id}
          onChange={(value) => setKeyId(value ?? "")}
          data={(keys.data?.items ?? [])
            .filter((key) => key.revoked_at === null)
            .map((key) => ({ value: key.key_id, label: `${key.name} (${key.key_id})` }))}
          nothingFoundMessage="No key of yours"
        />
      )}
    </NodeForm>
  );
}

/** Its name, where it stands, and when its day begins; what is left as it is, is not sent. */
export function EditNodeDialog({ node, onClose }: { node: ScopeNode; onClose: () => void }) {
  const { api } = usePlatform();
  const nodes = useNodes();
  const [name, setName] = useState(node.name);
  const [parentId, setParentId] = useState(node.parent_id);
  const [timeZone, setTimeZone] = useState(node.time_zone);
  const [sessionStart, setSessionStart] = useState(node.session_start);
  const [warnings, setWarnings] = useState<readonly string[]>([]);
  const action = useAction(
    () =>
      answerOf(
        api.PATCH("/limits/nodes/{node_id}", {
          params: { path: { node_id: node.node_id } },
          body: {
            ...(name.trim() === node.name ? {} : { name: name.trim() }),
            ...(parentId === node.parent_id ? {} : { parent_id: parentId }),
            ...(timeZone === node.time_zone ? {} : { time_zone: timeZone }),
            ...(sessionStart === node.session_start ? {} : { session_start: sessionStart }),
          },
        }),
      ),
    {
      changes: [LIMITS_KEY],
      onDone: (changed) => (changed.warnings.length === 0 ? onClose() : setWarnings(changed.warnings)),
    },
  );
  const { fields } = formProblem(action.error, FIELDS);
  if (warnings.length > 0) {
    return <TakenWithWarnings title={`${node.name} is changed`} warnings={warnings} onClose={onClose} />;
  }
  const places = placesFor(node, nodes.data?.items ?? []);
  return (
    <NodeForm
      title={`Change ${node.name}`}
      confirm="Save"
      action={action}
      isReady={name.trim() !== ""}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        required
        data-autofocus
        maxLength={120}
        value={name}
        error={fields.name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {node.parent_id !== null && (
        <Select
          label="Stands below"
          description="It moves with all below it, and only while nothing is open there."
          searchable
          allowDeselect={false}
          value={parentId}
          error={fields.parent_id}
          onChange={setParentId}
          data={places.map((place) => ({ value: place.node_id, label: place.name }))}
        />
      )}
      <Select
        label="Time zone"
        description="The calendar is that of all nodes below as well."
        searchable
        allowDeselect={false}
        value={timeZone}
        error={fields.time_zone}
        onChange={(value) => setTimeZone(value ?? timeZone)}
        data={TIME_ZONES}
        limit={50}
      />
      <TextInput
        label="Its day begins at"
        type="time"
        required
        value={sessionStart}
        error={fields.session_start}
        onChange={(event) => setSessionStart(event.currentTarget.value)}
      />
    </NodeForm>
  );
}

export function DeleteNodeDialog({
  node,
  onClose,
  onGone,
}: {
  node: ScopeNode;
  onClose: () => void;
  onGone: () => void;
}) {
  const { api } = usePlatform();
  const action = useAction(
    () => answerOf(api.DELETE("/limits/nodes/{node_id}", { params: { path: { node_id: node.node_id } } })),
    { changes: [LIMITS_KEY], onDone: onGone },
  );
  return (
    <NodeForm
      title={`Remove ${node.name}`}
      confirm="Remove"
      color="red"
      action={action}
      isReady
      onClose={onClose}
    >
      <Text size="sm">Its limits go with it. A node with anything below it, or with open orders, stays.</Text>
    </NodeForm>
  );
}

function NodeForm({
  title,
  confirm,
  color,
  action,
  isReady,
  onClose,
  children,
}: {
  title: string;
  confirm: string;
  color?: string;
  action: Action<void>;
  isReady: boolean;
  onClose: () => void;
  children: ReactNode;
}) {
  const { rest } = formProblem(action.error, FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    action.run();
  };
  return (
    <Modal opened onClose={onClose} title={title} centered>
      <form onSubmit={submit}>
        <Stack>
          {rest !== null && (
            <Alert color="red" role="alert">
              {rest}
            </Alert>
          )}
          {children}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button
              type="submit"
              loading={action.isRunning}
              disabled={!isReady}
              {...(color === undefined ? {} : { color })}
            >
              {confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
