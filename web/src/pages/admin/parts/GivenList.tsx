import { ActionIcon, Alert, Button, Group, Paper, Select, Stack, Text } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { type Choice, nameOf } from "./directory";
import type { Giving } from "./useGiving";

/** What somebody or something was given, such as accounts: one is added from those that there are, or taken away. */
export function GivenList({
  label,
  given,
  choices,
  names = choices,
  giving: { give, take },
  mayChange,
  empty,
  show,
}: {
  /** Of what, as "Account": the names of the controls. */
  label: string;
  /** By their ids. */
  given: readonly string[];
  choices: readonly Choice[];
  /** Where not all that may be given can still be chosen. */
  names?: readonly Choice[];
  giving: Giving;
  mayChange: boolean;
  empty: ReactNode;
  show?: (choice: Choice) => ReactNode;
}) {
  const [chosen, setChosen] = useState<string | null>(null);
  const others = choices.filter((choice) => !given.includes(choice.value));
  const shown = given.map((id) => ({ value: id, label: nameOf(id, names) }));
  const error = give.error ?? take.error;
  const add = () => {
    if (chosen === null) return;
    give.run(chosen);
    setChosen(null);
  };
  return (
    <Stack gap="xs">
      {error !== null && (
        <Alert color="red" role="alert">
          {error.message}
        </Alert>
      )}
      {given.length === 0 && (
        <Text size="sm" c="dimmed">
          {empty}
        </Text>
      )}
      <Group gap="xs">
        {shown.map((each) => (
          <Paper key={each.value} withBorder px="sm" py={4}>
            <Group gap={6} wrap="nowrap">
              <Text size="sm">{show === undefined ? each.label : show(each)}</Text>
              {mayChange && (
                <ActionIcon
                  size="sm"
                  variant="subtle"
                  color="gray"
                  loading={take.isRunning}
                  onClick={() => take.run(each.value)}
                  aria-label={`Take away ${each.label}`}
                >
                  <IconX size={14} />
                </ActionIcon>
              )}
            </Group>
          </Paper>
        ))}
      </Group>
      {mayChange && (
        <Group gap="xs" align="flex-end">
          <Select
            label={label}
            placeholder={placeholder(choices.length, others.length)}
            data={others}
            value={chosen}
            onChange={setChosen}
            searchable
            clearable
            limit={100}
            disabled={others.length === 0}
            clearButtonProps={{ "aria-label": "Clear" }}
          />
          <Button variant="light" onClick={add} loading={give.isRunning} disabled={chosen === null}>
            Add
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function placeholder(known: number, others: number): string {
  if (known === 0) return "There are none";
  return others === 0 ? "All are here" : "Choose one";
}
