import { Alert, Button, Group, Select, Stack, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { formProblem } from "../../../ui/formProblem";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { useMay } from "../../../ui/useMe";
import { Facts } from "../parts/Facts";
import { ownTimeZone } from "../parts/moments";
import { Section } from "../parts/Section";
import { ZoneSelect } from "../parts/ZoneSelect";
import { DigestList } from "./DigestList";
import { type DigestForm, digestForm, digestRequest, type Wanted } from "./digestSettings";

type Settings = components["schemas"]["DigestSettings"];

const PREFERENCES = ["admin", "digest-preferences"] as const;

const HOURS = Array.from({ length: 24 }, (_, hour) => ({
  value: String(hour),
  label: `${String(hour).padStart(2, "0")}:00`,
}));

export function Digests() {
  const { api } = usePlatform();
  const settings = useQuery({
    queryKey: PREFERENCES,
    queryFn: () => answerOf(api.GET("/digests/preferences")),
  });
  return (
    <>
      <Section title="When you get digests">
        <Found query={settings}>
          {/* Made anew when others are in force: the fields begin with what was saved. */}
          {(found) => <Preferences key={JSON.stringify(found.own)} settings={found} />}
        </Found>
      </Section>
      <Section title="Digests">
        <DigestList />
      </Section>
    </>
  );
}

function Preferences({ settings }: { settings: Settings }) {
  const { api } = usePlatform();
  const mayChange = useMay()("digests:manage");
  const [form, setForm] = useState<DigestForm>(() => digestForm(settings));
  const set = (part: Partial<DigestForm>) => setForm((before) => ({ ...before, ...part }));
  const save = useAction(
    (terms: DigestForm) => answerOf(api.PUT("/digests/preferences", { body: digestRequest(terms) })),
    { changes: [PREFERENCES] },
  );
  const problem = formProblem(save.error, ["daily", "weekly", "hour", "time_zone"]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.run(form);
  };
  const isChanged = JSON.stringify(form) !== JSON.stringify(digestForm(settings));
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Facts
          facts={[
            ["To", settings.email],
            ["Next of a day", settings.next_daily_at === null ? "none" : shownTime(settings.next_daily_at)],
            [
              "Next of a week",
              settings.next_weekly_at === null ? "none" : shownTime(settings.next_weekly_at),
            ],
            ["A day begins", `${settings.day_starts_at} (${settings.organisation_time_zone})`],
          ]}
        />
        {settings.mail === "NOT_CONFIGURED" && (
          <Alert color="orange">This platform sends no mail: digests are made, and read here.</Alert>
        )}
        {problem.rest !== null && (
          <Alert color="red" role="alert">
            {problem.rest}
          </Alert>
        )}
        <Stack gap="sm" maw={480}>
          <Group grow align="flex-start">
            <WantedSelect
              label="Of each day"
              value={form.daily}
              isOnByRole={settings.daily}
              error={problem.fields.daily}
              disabled={!mayChange}
              onChange={(daily) => set({ daily })}
            />
            <WantedSelect
              label="Of each week"
              value={form.weekly}
              isOnByRole={settings.weekly}
              error={problem.fields.weekly}
              disabled={!mayChange}
              onChange={(weekly) => set({ weekly })}
            />
          </Group>
          <Select
            label="At"
            data={HOURS}
            value={form.hour}
            error={problem.fields.hour}
            disabled={!mayChange}
            allowDeselect={false}
            onChange={(hour) => hour !== null && set({ hour })}
          />
          <Switch
            label={`By the organisation's clock (${settings.organisation_time_zone})`}
            checked={form.timeZone === null}
            disabled={!mayChange}
            onChange={(event) => set({ timeZone: event.currentTarget.checked ? null : ownTimeZone() })}
          />
          {form.timeZone !== null && (
            <ZoneSelect
              value={form.timeZone}
              error={problem.fields.time_zone}
              onChange={(timeZone) => set({ timeZone })}
            />
          )}
          {mayChange && (
            <Group justify="flex-end">
              <Button type="submit" loading={save.isRunning} disabled={!isChanged}>
                Save
              </Button>
            </Group>
          )}
        </Stack>
        {!mayChange && <Text size="sm">Your role does not change them.</Text>}
      </Stack>
    </form>
  );
}

function WantedSelect({
  label,
  value,
  isOnByRole,
  error,
  disabled,
  onChange,
}: {
  label: string;
  value: Wanted;
  /** What counts now; it is the role's only where nothing else was said. */
  isOnByRole: boolean;
  error: string | undefined;
  disabled: boolean;
  onChange: (wanted: Wanted) => void;
}) {
  const byRole = value === "DEFAULT" ? `As for your role (${isOnByRole ? "on" : "off"})` : "As for your role";
  return (
    <Select
      label={label}
      data={[
        { value: "DEFAULT", label: byRole },
        { value: "ON", label: "On" },
        { value: "OFF", label: "Off" },
      ]}
      value={value}
      error={error}
      disabled={disabled}
      allowDeselect={false}
      onChange={(chosen) => chosen !== null && onChange(chosen as Wanted)}
    />
  );
}
