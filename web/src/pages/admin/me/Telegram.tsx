import { Alert, Anchor, Badge, Button, Code, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { Problem } from "../../../api/problem";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { Empty, Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { CONTACT } from "./Contacts";

type Schemas = components["schemas"];

const LINK = ["admin", "telegram"] as const;
const LOOK_EVERY_MS = 5_000; // While a code waits to be used.

/** A chat that speaks for its person: a code is made here and shown to the bot there. */
export function Telegram() {
  const { api } = usePlatform();
  const [code, setCode] = useState<Schemas["LinkCode"] | null>(null);
  const link = useQuery({
    queryKey: LINK,
    queryFn: async (): Promise<Schemas["LinkState"] | null> => {
      try {
        return await answerOf(api.GET("/contacts/me/telegram"));
      } catch (error) {
        if (error instanceof Problem && error.status === 404) return null; // The platform has no bot.
        throw error;
      }
    },
    refetchInterval: code === null ? false : LOOK_EVERY_MS,
  });
  return (
    <Found query={link}>
      {(found) =>
        found === null ? (
          <Empty>This platform has no bot.</Empty>
        ) : (
          <Linked state={found} code={code} setCode={setCode} />
        )
      }
    </Found>
  );
}

function Linked({
  state,
  code,
  setCode,
}: {
  state: Schemas["LinkState"];
  code: Schemas["LinkCode"] | null;
  setCode: (code: Schemas["LinkCode"] | null) => void;
}) {
  const { api } = usePlatform();
  const [isEnding, setIsEnding] = useState(false);
  const ask = useAction((_: null) => answerOf(api.POST("/contacts/me/telegram")), {
    changes: [LINK],
    onDone: setCode,
  });
  const end = useAction((_: null) => answerOf(api.DELETE("/contacts/me/telegram")), {
    changes: [LINK, CONTACT],
    onDone: () => {
      setCode(null);
      setIsEnding(false);
    },
  });
  return (
    <Stack gap="sm" align="flex-start">
      <Group gap="xs">
        <Badge variant="light" color={state.is_linked ? "teal" : "gray"}>
          {state.is_linked ? "linked" : "not linked"}
        </Badge>
        <Text size="sm">@{state.bot}</Text>
      </Group>
      <Text size="sm" c="dimmed" maw={560}>
        The bot tells you of alerts, and does in your chat what your role allows: it acknowledges, shows
        positions, and stops a node. Whoever holds your unlocked telephone holds the chat.
      </Text>
      {ask.error !== null && (
        <Alert color="red" role="alert">
          {ask.error.message}
        </Alert>
      )}
      {code !== null && (
        <Alert color="blue" title="Show this to the bot" role="status">
          <Text size="sm">
            Open{" "}
            <Anchor href={code.link} target="_blank" rel="noopener noreferrer" size="sm">
              the bot in Telegram
            </Anchor>
            , or write <Code>/link {code.code}</Code> to @{code.bot} until {shownTime(code.expires_at)}. Pass
            it on to nobody.
          </Text>
        </Alert>
      )}
      <Group gap="xs">
        <Button variant="light" onClick={() => ask.run(null)} loading={ask.isRunning}>
          {state.is_linked ? "Link another chat" : "Link a chat"}
        </Button>
        {state.is_linked && (
          <Button variant="light" color="red" onClick={() => setIsEnding(true)}>
            End the link
          </Button>
        )}
      </Group>
      {isEnding && (
        <ConfirmDialog
          title="End the link to your chat"
          confirm="End it"
          error={end.error}
          isRunning={end.isRunning}
          onConfirm={() => end.run(null)}
          onClose={() => setIsEnding(false)}
        >
          The chat speaks for you no more, and alerts are not told there.
        </ConfirmDialog>
      )}
    </Stack>
  );
}
