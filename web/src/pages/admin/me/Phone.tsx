import { Alert, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { useAction } from "../../../ui/useAction";
import { plainProblem } from "../parts/plainProblem";
import { CONTACT } from "./Contacts";
import { phoneNumber } from "./phoneNumber";

/** A number is told, six digits are sent there, and they are typed here: then it is confirmed. */
export function Phone({ phone }: { phone: string | null }) {
  const { api } = usePlatform();
  const [number, setNumber] = useState("");
  const [sentTo, setSentTo] = useState<string | null>(null);
  const [isRemoving, setIsRemoving] = useState(false);
  const send = useAction(
    (typed: string) => answerOf(api.POST("/contacts/me/phone", { body: { phone: typed } })),
    {
      changes: [],
      onDone: (_, typed) => setSentTo(typed),
    },
  );
  const remove = useAction((_: null) => answerOf(api.DELETE("/contacts/me/phone")), {
    changes: [CONTACT],
    onDone: () => setIsRemoving(false),
  });
  const problem = plainProblem(send.error, ["phone"], {
    phone: "with + and the country, then digits alone",
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    send.run(phoneNumber(number));
  };
  return (
    <Stack gap="sm" maw={420}>
      <Group justify="space-between">
        <Text size="sm">{phone === null ? "No number: text messages do not reach you." : phone}</Text>
        {phone !== null && (
          <Button size="compact-sm" variant="light" color="red" onClick={() => setIsRemoving(true)}>
            Remove
          </Button>
        )}
      </Group>
      {sentTo !== null ? (
        <PhoneCode phone={sentTo} onDone={() => setSentTo(null)} onOther={() => setSentTo(null)} />
      ) : (
        <form onSubmit={submit}>
          <Stack gap="sm">
            {problem.rest !== null && (
              <Alert color="red" role="alert">
                {problem.rest}
              </Alert>
            )}
            <TextInput
              label={phone === null ? "Number" : "Another number"}
              description="With its country, such as +49 151 12345678"
              type="tel"
              autoComplete="tel"
              required
              maxLength={30}
              value={number}
              error={problem.fields.phone}
              onChange={(event) => setNumber(event.currentTarget.value)}
            />
            <Group justify="flex-end">
              <Button type="submit" loading={send.isRunning}>
                Send a code
              </Button>
            </Group>
          </Stack>
        </form>
      )}
      {isRemoving && (
        <ConfirmDialog
          title="Remove your number"
          confirm="Remove"
          error={remove.error}
          isRunning={remove.isRunning}
          onConfirm={() => remove.run(null)}
          onClose={() => setIsRemoving(false)}
        >
          Critical alerts and incident calls do not reach you by text message any more.
        </ConfirmDialog>
      )}
    </Stack>
  );
}

function PhoneCode({ phone, onDone, onOther }: { phone: string; onDone: () => void; onOther: () => void }) {
  const { api } = usePlatform();
  const [code, setCode] = useState("");
  const confirm = useAction(
    (typed: string) => answerOf(api.POST("/contacts/me/phone/verify", { body: { code: typed } })),
    { changes: [CONTACT], onDone },
  );
  const problem = plainProblem(confirm.error, ["code"], { code: "six digits" });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    confirm.run(code.trim());
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Text size="sm" role="status">
          Six digits were sent to {phone}. They work for 10 minutes.
        </Text>
        {problem.rest !== null && (
          <Alert color="red" role="alert">
            {problem.rest}
          </Alert>
        )}
        <TextInput
          label="Code"
          required
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={6}
          value={code}
          error={problem.fields.code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onOther}>
            Another number
          </Button>
          <Button type="submit" loading={confirm.isRunning}>
            Confirm
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
