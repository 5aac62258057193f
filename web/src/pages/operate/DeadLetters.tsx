import { Button, Group, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import { usePlatform } from "../../platform";
import { DataTable } from "../../ui/DataTable";
import { Found } from "../../ui/states";
import { shownTime } from "../../ui/times";
import { useAddress } from "../../ui/useAddress";
import { LetterDialog } from "./LetterDialog";
import { RedriveDialog } from "./RedriveDialog";
import { withDeadLetters } from "./workQueues";

export type Letter = components["schemas"]["DeadLetter"];

const LOOK_EVERY_MS = 15_000;

export function DeadLetters({ mayOperate }: { mayOperate: boolean }) {
  const { api } = usePlatform();
  const [queue, choose] = useAddress("queue", "");
  const [shown, show] = useState<Letter | null>(null);
  const [redriven, redrive] = useState<{ queue: string; letter: Letter | null } | null>(null);
  const [told, tell] = useState<string | null>(null);
  const consumers = useQuery({
    queryKey: ["consumers"],
    queryFn: () => answerOf(api.GET("/consumers")),
    refetchInterval: LOOK_EVERY_MS,
  });
  const letters = useQuery({
    queryKey: ["dead-letters", queue],
    queryFn: () => answerOf(api.GET("/dead-letters", { params: { query: queue === "" ? {} : { queue } } })),
    refetchInterval: LOOK_EVERY_MS,
  });
  return (
    <Stack>
      <Group align="flex-end">
        <Select
          label="Queue"
          data={[{ value: "", label: "All queues" }, ...withDeadLetters(consumers.data?.items ?? [], queue)]}
          value={queue}
          onChange={(chosen) => choose(chosen ?? "")}
          allowDeselect={false}
          w={260}
        />
        {mayOperate && queue !== "" && (letters.data?.items.length ?? 0) > 0 && (
          <Button variant="light" onClick={() => redrive({ queue, letter: null })}>
            Redrive all of {queue}
          </Button>
        )}
      </Group>
      <Text role="status" size="sm">
        {told}
      </Text>
      <Found query={letters}>
        {(found) => (
          <>
            <DataTable
              label="Dead letters"
              rows={found.items}
              keyOf={(letter) => `${letter.queue} ${letter.letter_id}`}
              minWidth={860}
              empty="There are no dead letters: every message has been processed, or is tried again."
              columns={[
                { name: "Put aside", show: (letter) => shownTime(letter.failed_at) },
                { name: "Queue", show: (letter) => letter.queue },
                { name: "Topic", show: (letter) => letter.topic ?? "not known" },
                { name: "Error", show: (letter) => <ErrorOf letter={letter} /> },
                { name: "Organisation", show: (letter) => (letter.is_own ? "own" : "another, or none") },
                {
                  name: "",
                  show: (letter) => (
                    <Group gap="xs" wrap="nowrap" justify="flex-end">
                      <Button size="compact-xs" variant="default" onClick={() => show(letter)}>
                        Show
                      </Button>
                      {mayOperate && (
                        <Button
                          size="compact-xs"
                          variant="light"
                          onClick={() => redrive({ queue: letter.queue, letter })}
                        >
                          Redrive
                        </Button>
                      )}
                    </Group>
                  ),
                },
              ]}
            />
            {found.total > found.items.length && (
              <Text size="sm" c="dimmed">
                The oldest {found.items.length} of about {found.total}. Choose a queue to see more of it.
              </Text>
            )}
          </>
        )}
      </Found>
      {shown !== null && <LetterDialog letter={shown} onClose={() => show(null)} />}
      {redriven !== null && (
        <RedriveDialog
          {...redriven}
          onClose={() => redrive(null)}
          onDone={(answer) => {
            tell(`${answer.redriven} sent again; about ${answer.left} are left in ${redriven.queue}.`);
            redrive(null);
          }}
        />
      )}
    </Stack>
  );
}

function ErrorOf({ letter }: { letter: Letter }) {
  return (
    <Text size="sm" lineClamp={2} maw={320}>
      {letter.error_type ?? "no reason given"}
      {letter.error !== null && `: ${letter.error}`}
    </Text>
  );
}
