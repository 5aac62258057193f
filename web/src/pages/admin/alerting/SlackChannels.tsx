import { Button, Group, MultiSelect, PasswordInput, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { DataTable } from "../../../ui/DataTable";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { useMay } from "../../../ui/useMe";
import { FormDialog } from "../parts/FormDialog";
import { Section } from "../parts/Section";
import { type Category, categoryChoices, spoken } from "./words";

type Schemas = components["schemas"];
type Channel = Schemas["SlackChannel"];

const CHANNELS = ["admin", "slack-channels"] as const;

export function SlackChannels() {
  const { api } = usePlatform();
  const mayChange = useMay()("alerts:manage");
  const [isAdding, setIsAdding] = useState(false);
  const [removed, setRemoved] = useState<Channel | null>(null);
  const channels = useQuery({
    queryKey: CHANNELS,
    queryFn: async () => (await answerOf(api.GET("/alerts/channels"))).items,
  });
  return (
    <Section
      title="Slack channels"
      actions={mayChange && <Button onClick={() => setIsAdding(true)}>Add a channel</Button>}
    >
      <Found query={channels}>
        {(found) => (
          <DataTable
            label="Slack channels"
            rows={found}
            keyOf={(channel) => channel.channel_id}
            empty="No channels. In Slack: Apps, Incoming Webhooks, Add to Slack; then copy the address it shows."
            columns={[
              { name: "Name", show: (channel) => channel.name },
              {
                name: "Hears of",
                show: (channel) =>
                  channel.categories.length === 0 ? "everything" : channel.categories.map(spoken).join(", "),
              },
              {
                name: "Added",
                show: (channel) => `${shownTime(channel.created_at)} by ${channel.created_by}`,
              },
              {
                name: "Actions",
                show: (channel) =>
                  mayChange && (
                    <Group justify="flex-end">
                      <Button
                        size="compact-sm"
                        variant="light"
                        color="red"
                        onClick={() => setRemoved(channel)}
                        aria-label={`Remove ${channel.name}`}
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
      {isAdding && <AddChannel onClose={() => setIsAdding(false)} />}
      {removed !== null && <RemoveChannel channel={removed} onClose={() => setRemoved(null)} />}
    </Section>
  );
}

function AddChannel({ onClose }: { onClose: () => void }) {
  const { api } = usePlatform();
  const [name, setName] = useState("");
  const [hook, setHook] = useState("");
  const [categories, setCategories] = useState<Category[]>([]);
  const add = useAction(
    (body: Schemas["NewSlackChannel"]) => answerOf(api.POST("/alerts/channels", { body })),
    { changes: [CHANNELS], onDone: onClose },
  );
  return (
    <FormDialog
      title="Add a Slack channel"
      confirm="Add"
      action={add}
      fields={["name", "hook_url", "categories"]}
      onSubmit={() => add.run({ name: name.trim(), hook_url: hook.trim(), categories })}
      onClose={onClose}
    >
      {(errors) => (
        <>
          <TextInput
            label="Name"
            required
            data-autofocus
            maxLength={80}
            value={name}
            error={errors.name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <PasswordInput
            label="Address of its incoming webhook"
            description="A secret: it is sealed, and nobody sees it again"
            required
            autoComplete="off"
            value={hook}
            error={errors.hook_url}
            onChange={(event) => setHook(event.currentTarget.value)}
          />
          <MultiSelect
            label="Hears of"
            placeholder={categories.length === 0 ? "everything" : ""}
            data={categoryChoices()}
            value={categories}
            error={errors.categories}
            onChange={(chosen) => setCategories(chosen as Category[])}
          />
          <Text size="xs" c="dimmed">
            How bad an alert must be to go to Slack is said under "Who is told".
          </Text>
        </>
      )}
    </FormDialog>
  );
}

function RemoveChannel({ channel, onClose }: { channel: Channel; onClose: () => void }) {
  const { api } = usePlatform();
  const remove = useAction(
    (channel_id: string) =>
      answerOf(api.DELETE("/alerts/channels/{channel_id}", { params: { path: { channel_id } } })),
    { changes: [CHANNELS], onDone: onClose },
  );
  return (
    <ConfirmDialog
      title={`Remove ${channel.name}`}
      confirm="Remove"
      error={remove.error}
      isRunning={remove.isRunning}
      onConfirm={() => remove.run(channel.channel_id)}
      onClose={onClose}
    >
      It hears of no more alerts. To have it back, its address is typed again.
    </ConfirmDialog>
  );
}
