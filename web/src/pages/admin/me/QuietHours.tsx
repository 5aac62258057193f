import { Alert, Button, Chip, Group, Input, Stack, Switch, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { formProblem } from "../../../ui/formProblem";
import { useAction } from "../../../ui/useAction";
import { ZoneSelect } from "../parts/ZoneSelect";
import { CONTACT } from "./Contacts";
import { type QuietForm, quietForm, quietRequest, WEEKDAYS } from "./quietHours";

type Quiet = components["schemas"]["QuietHoursRequest"] | null;

export function QuietHours({ quietHours }: { quietHours: Quiet }) {
  const { api } = usePlatform();
  const [form, setForm] = useState<QuietForm>(() => quietForm(quietHours));
  const set = (part: Partial<QuietForm>) => setForm((before) => ({ ...before, ...part }));
  const save = useAction(
    (wanted: Quiet) => answerOf(api.PUT("/contacts/me", { body: { quiet_hours: wanted } })),
    { changes: [CONTACT] },
  );
  const problem = formProblem(save.error, ["time_zone", "begins", "until", "days"]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.run(quietRequest(form));
  };
  const isChanged = JSON.stringify(quietRequest(form)) !== JSON.stringify(quietHours);
  return (
    <form onSubmit={submit}>
      <Stack gap="sm" maw={480}>
        <Text size="sm" c="dimmed">
          All but critical alerts are held back, and come as one message when they end.
        </Text>
        {problem.rest !== null && (
          <Alert color="red" role="alert">
            {problem.rest}
          </Alert>
        )}
        <Switch
          label="I have quiet hours"
          checked={form.isOn}
          onChange={(event) => set({ isOn: event.currentTarget.checked })}
        />
        {form.isOn && (
          <>
            <Group grow align="flex-start">
              <TextInput
                label="From"
                type="time"
                required
                value={form.begins}
                error={problem.fields.begins}
                onChange={(event) => set({ begins: event.currentTarget.value })}
              />
              <TextInput
                label="Until"
                type="time"
                required
                value={form.until}
                error={problem.fields.until}
                onChange={(event) => set({ until: event.currentTarget.value })}
              />
            </Group>
            <ZoneSelect
              value={form.timeZone}
              error={problem.fields.time_zone}
              onChange={(timeZone) => set({ timeZone })}
            />
            <Input.Wrapper label="They begin on" error={problem.fields.days} labelElement="div">
              <Chip.Group multiple value={[...form.days]} onChange={(days) => set({ days })}>
                <Group gap={6} mt={4} role="group" aria-label="They begin on">
                  {WEEKDAYS.map((day) => (
                    <Chip key={day.value} value={day.value} size="xs">
                      {day.label}
                    </Chip>
                  ))}
                </Group>
              </Chip.Group>
            </Input.Wrapper>
          </>
        )}
        <Group justify="flex-end">
          <Button type="submit" loading={save.isRunning} disabled={!isChanged}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
