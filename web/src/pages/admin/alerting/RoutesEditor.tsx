import { Alert, Box, Button, Group, List, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { Problem } from "../../../api/problem";
import { usePlatform } from "../../../platform";
import { Found } from "../../../ui/states";
import { type Action, useAction } from "../../../ui/useAction";
import { useMay } from "../../../ui/useMe";
import { groupChoices, nameOf, useGroups } from "../parts/directory";
import { Section } from "../parts/Section";
import { AudiencesTable } from "./AudiencesTable";
import { Matrix } from "./Matrix";
import { type Difference, differences, routesProblem, withAudience, withChannel } from "./routing";
import { AUDIENCES, CATEGORIES, CATEGORY_NAMES, CHANNELS, type Routes, SEVERITIES, spoken } from "./words";

const ROUTES = ["admin", "alert-routes"] as const;

/** The whole matrix: it is changed as a draft, and sent as a whole with the version that it was read in. */
export function RoutesEditor() {
  const { api } = usePlatform();
  const mayChange = useMay()("alerts:manage");
  const groups = groupChoices(useGroups().data);
  const [draft, setDraft] = useState<Routes | null>(null);
  const routes = useQuery({ queryKey: ROUTES, queryFn: () => answerOf(api.GET("/alerts/routes")) });
  const save = useAction((wanted: Routes) => answerOf(api.PUT("/alerts/routes", { body: wanted })), {
    changes: [ROUTES],
    onDone: () => setDraft(null),
  });
  const problem = routesProblem(save.error);
  const change = (changed: Routes) => {
    save.reset(); // What was refused was said of other tables.
    setDraft(changed);
  };
  return (
    <Found query={routes}>
      {(found) => {
        const shown = draft ?? found;
        return (
          <>
            <Tables routes={shown} set={change} mayChange={mayChange} problems={problem.fields} />
            {draft !== null && (
              <SaveBar
                changes={differences(found, draft, (id) => nameOf(id, groups))}
                // Of another version than the draft's: somebody was faster, and what he said would be lost.
                isOutdated={found.version !== draft.version}
                save={save}
                problem={problem.rest}
                onSave={() => save.run(draft)}
                onDrop={() => {
                  save.reset();
                  setDraft(null);
                }}
              />
            )}
          </>
        );
      }}
    </Found>
  );
}

function Tables({
  routes,
  set,
  mayChange,
  problems,
}: {
  routes: Routes;
  set: (routes: Routes) => void;
  mayChange: boolean;
  /** As the server names rows: "channels.CRITICAL". */
  problems: Readonly<Record<string, string>>;
}) {
  return (
    <>
      <Section title="Of what each audience hears">
        <Matrix
          label="Audiences by category"
          rows={CATEGORY_NAMES.map((name) => ({ name, about: CATEGORIES[name] }))}
          columns={AUDIENCES}
          isSet={(category, audience) => (routes.routes[category] ?? []).includes(audience)}
          problemOf={(category) => problems[`routes.${category}`]}
          onChange={(category, audience, isTold) => set(withAudience(routes, category, audience, isTold))}
          mayChange={mayChange}
        />
      </Section>
      <Section title="Who an audience is">
        <AudiencesTable
          routes={routes}
          set={set}
          mayChange={mayChange}
          problemOf={(audience) => problems[`audiences.${audience}`]}
        />
      </Section>
      <Section title="How they are told at once">
        <Matrix
          label="Ways by severity"
          rows={SEVERITIES.map((name) => ({ name, about: "" }))}
          columns={CHANNELS}
          isSet={(severity, channel) => (routes.channels[severity] ?? []).includes(channel)}
          problemOf={(severity) => problems[`channels.${severity}`]}
          onChange={(severity, channel, isUsed) => set(withChannel(routes, severity, channel, isUsed))}
          mayChange={mayChange}
        />
        <Text size="sm" c="dimmed">
          WebSocket clients and webhooks hear of everything. Who has no telephone or chat is told by the
          others.
        </Text>
      </Section>
    </>
  );
}

function SaveBar({
  changes,
  isOutdated,
  save,
  problem,
  onSave,
  onDrop,
}: {
  changes: readonly Difference[];
  isOutdated: boolean;
  save: Action<Routes>;
  /** What stands at none of the tables' rows. */
  problem: string | null;
  onSave: () => void;
  onDrop: () => void;
}) {
  const isConflict = isOutdated || (save.error instanceof Problem && save.error.status === 409);
  return (
    // In sight wherever one is in the tables.
    <Box pos="sticky" bottom={8} style={{ zIndex: 2 }}>
      <Section title="Your changes">
        <Stack gap="sm" role="status">
          {changes.length === 0 && <Text size="sm">Nothing differs.</Text>}
          <List size="sm">
            {changes.map((change) => (
              <List.Item key={change.of}>
                <Text span inherit fw={600}>
                  {spoken(change.of)}
                </Text>
                {change.added.length > 0 && `: ${change.added.map(spoken).join(", ")} added`}
                {change.removed.length > 0 && `: ${change.removed.map(spoken).join(", ")} removed`}
              </List.Item>
            ))}
          </List>
        </Stack>
        {save.error !== null && (
          <Alert color="red" role="alert">
            {problem ?? "It is not saved: above stands what is wrong, and where."}
          </Alert>
        )}
        {isConflict && (
          <Alert color="orange" role="alert">
            Somebody else has changed it since you began. Drop your changes to see what is in force, and make
            them again.
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onDrop}>
            Drop the changes
          </Button>
          <Button onClick={onSave} loading={save.isRunning} disabled={changes.length === 0 || isConflict}>
            Save
          </Button>
        </Group>
      </Section>
    </Box>
  );
}
