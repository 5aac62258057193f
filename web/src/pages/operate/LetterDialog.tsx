import { Code, Modal, ScrollArea, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../api/client";
import { usePlatform } from "../../platform";
import { Found } from "../../ui/states";
import { shownTime } from "../../ui/times";
import type { Letter } from "./DeadLetters";
import { readableBody } from "./workQueues";

/** A letter with its body, which is asked for now: each look at one is in the audit trail. */
export function LetterDialog({ letter, onClose }: { letter: Letter; onClose: () => void }) {
  const { api } = usePlatform();
  const { queue, letter_id } = letter;
  const whole = useQuery({
    queryKey: ["dead-letter", queue, letter_id],
    queryFn: () =>
      answerOf(api.GET("/dead-letters/{queue}/{letter_id}", { params: { path: { queue, letter_id } } })),
    staleTime: Number.POSITIVE_INFINITY, // It does not change, and a second look would be written down again.
    refetchOnWindowFocus: false,
  });
  return (
    <Modal opened onClose={onClose} title="Dead letter" size="xl">
      <Found query={whole}>
        {(found) => (
          <Stack>
            <Table withRowBorders={false} verticalSpacing={4} aria-label="Letter">
              <Table.Tbody>
                <Fact name="Queue">{found.queue}</Fact>
                <Fact name="Put aside">{shownTime(found.failed_at)}</Fact>
                <Fact name="Received">{found.receives === null ? null : `${found.receives} times`}</Fact>
                <Fact name="Error">
                  {found.error_type}
                  {found.error !== null && `: ${found.error}`}
                </Fact>
                <Fact name="Topic">{found.topic}</Fact>
                <Fact name="Event">{found.event_id}</Fact>
                <Fact name="Account">{found.account_id}</Fact>
                <Fact name="Correlation">{found.correlation_id}</Fact>
              </Table.Tbody>
            </Table>
            {found.body === null ? (
              <Text size="sm" c="dimmed">
                The body is shown to operators of its own organisation alone.
              </Text>
            ) : (
              <ScrollArea.Autosize mah={360}>
                <Code block aria-label="Body">
                  {readableBody(found.body)}
                </Code>
              </ScrollArea.Autosize>
            )}
          </Stack>
        )}
      </Found>
    </Modal>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th scope="row" w={120} fw={500}>
        {name}
      </Table.Th>
      <Table.Td style={{ overflowWrap: "anywhere" }}>{children ?? "not known"}</Table.Td>
    </Table.Tr>
  );
}
