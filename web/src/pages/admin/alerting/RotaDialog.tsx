import { ActionIcon, Button, Group, NumberInput, Paper, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { nameOf, personChoices, usePeople } from "../parts/directory";
import { FormDialog } from "../parts/FormDialog";
import { ownTimeZone, typedMoment } from "../parts/moments";
import { ZoneSelect } from "../parts/ZoneSelect";
import { moved } from "./moved";

type Schemas = components["schemas"];

export const ROTA = ["admin", "rota"] as const;

/** Who takes turns in which order. `rota` null: none is set yet. */
export function RotaDialog({ rota, onClose }: { rota: Schemas["RotaView"] | null; onClose: () => void }) {
  const { api } = usePlatform();
  const everybody = (usePeople().data ?? []).map((each) => ({ value: each.user_id, label: each.username }));
  const [form, setForm] = useState<Schemas["RotaBody"]>(() => ({
    people: rota?.people.map((person) => person.user_id) ?? [],
    starts_on: rota?.starts_on ?? typedMoment(new Date()).slice(0, 10),
    handover_at: rota?.handover_at.slice(0, 5) ?? "09:00",
    time_zone: rota?.time_zone ?? ownTimeZone(),
    turn_days: rota?.turn_days ?? 7,
  }));
  const set = (part: Partial<Schemas["RotaBody"]>) => setForm((before) => ({ ...before, ...part }));
  const save = useAction((body: Schemas["RotaBody"]) => answerOf(api.PUT("/alerts/rota", { body })), {
    changes: [ROTA],
    onDone: onClose,
  });
  return (
    <FormDialog
      title="Set the rota"
      confirm="Set it"
      action={save}
      fields={["people", "starts_on", "handover_at", "time_zone", "turn_days"]}
      onSubmit={() => save.run(form)}
      onClose={onClose}
      isReady={form.people.length > 0 && form.starts_on !== "" && form.handover_at !== ""}
    >
      {(errors) => (
        <>
          <Turns
            people={form.people}
            nameOf={(id) => nameOf(id, everybody)}
            onChange={(people) => set({ people })}
            error={errors.people}
          />
          <TextInput
            label="The first one's turn begins on"
            type="date"
            required
            value={form.starts_on}
            error={errors.starts_on}
            onChange={(event) => set({ starts_on: event.currentTarget.value })}
          />
          <Group grow align="flex-start">
            <TextInput
              label="Handed over at"
              type="time"
              required
              value={form.handover_at}
              error={errors.handover_at}
              onChange={(event) => set({ handover_at: event.currentTarget.value })}
            />
            <NumberInput
              label="Days of a turn"
              required
              allowDecimal={false}
              min={1}
              max={28}
              value={form.turn_days}
              error={errors.turn_days}
              onChange={(days) => typeof days === "number" && set({ turn_days: days })}
            />
          </Group>
          <ZoneSelect
            value={form.time_zone}
            error={errors.time_zone}
            description="The handover stays at its local time when clocks change"
            onChange={(time_zone) => set({ time_zone })}
          />
        </>
      )}
    </FormDialog>
  );
}

function Turns({
  people,
  nameOf: name,
  onChange,
  error,
}: {
  people: readonly string[];
  nameOf: (id: string) => string;
  onChange: (people: string[]) => void;
  error: string | undefined;
}) {
  const [chosen, setChosen] = useState<string | null>(null);
  const choices = personChoices(usePeople().data).filter((each) => !people.includes(each.value));
  const add = () => {
    if (chosen === null) return;
    onChange([...people, chosen]);
    setChosen(null);
  };
  return (
    <Stack gap="xs">
      <Text size="sm" fw={500}>
        In this order
      </Text>
      {people.map((id, at) => (
        <Paper key={id} withBorder px="sm" py={4}>
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm">
              {at + 1}. {name(id)}
            </Text>
            <Group gap={4} wrap="nowrap">
              <ActionIcon
                variant="subtle"
                disabled={at === 0}
                onClick={() => onChange(moved(people, at, -1))}
                aria-label={`${name(id)} earlier`}
              >
                <IconArrowUp size={16} />
              </ActionIcon>
              <ActionIcon
                variant="subtle"
                disabled={at === people.length - 1}
                onClick={() => onChange(moved(people, at, 1))}
                aria-label={`${name(id)} later`}
              >
                <IconArrowDown size={16} />
              </ActionIcon>
              <ActionIcon
                variant="subtle"
                color="gray"
                onClick={() => onChange(people.filter((each) => each !== id))}
                aria-label={`Leave out ${name(id)}`}
              >
                <IconX size={16} />
              </ActionIcon>
            </Group>
          </Group>
        </Paper>
      ))}
      <Group gap="xs" align="flex-end">
        <Select
          flex={1}
          label="Person to add"
          data={choices}
          value={chosen}
          onChange={setChosen}
          searchable
          limit={100}
          error={error}
        />
        <Button variant="light" onClick={add} disabled={chosen === null}>
          Add
        </Button>
      </Group>
    </Stack>
  );
}
