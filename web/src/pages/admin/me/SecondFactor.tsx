import { Alert, Button, Code, Group, Paper, Stack, Text, TextInput } from "@mantine/core";
import { QRCodeSVG } from "qrcode.react";
import { type FormEvent, useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { plainProblem } from "../parts/plainProblem";
import { OWN_SESSIONS, useOwnSessions } from "./OwnSessions";

type Enrolment = components["schemas"]["TotpEnrolment"];

/** Enrols an authenticator app: its secret is shown, and counts when the app's first code was right. */
export function SecondFactor() {
  const { api } = usePlatform();
  const [enrolment, setEnrolment] = useState<Enrolment | null>(null);
  const [isEnrolled, setIsEnrolled] = useState(false);
  const sessions = useOwnSessions();
  const hasShownOne = sessions.data?.find((session) => session.is_current)?.has_second_factor ?? false;
  const enrol = useAction((_: null) => answerOf(api.POST("/users/me/totp")), {
    changes: [],
    onDone: setEnrolment,
  });
  if (isEnrolled) {
    return (
      <Alert color="teal" role="status">
        Enrolled. Your other sessions have ended; from the next sign-in on the app's code is asked for.
      </Alert>
    );
  }
  if (enrolment !== null) {
    return (
      <FirstCode
        enrolment={enrolment}
        onDone={() => {
          setEnrolment(null);
          setIsEnrolled(true);
        }}
        onLeave={() => setEnrolment(null)}
      />
    );
  }
  return (
    <Stack gap="sm" align="flex-start">
      <Text size="sm">
        {hasShownOne
          ? "You signed in with the code of an authenticator app. Another app takes its place."
          : "This session began without a second factor. With one, a password that leaked is not enough."}
      </Text>
      {enrol.error !== null && (
        <Alert color="red" role="alert">
          {enrol.error.message}
        </Alert>
      )}
      <Button
        variant={hasShownOne ? "default" : "filled"}
        onClick={() => enrol.run(null)}
        loading={enrol.isRunning}
      >
        {hasShownOne ? "Enrol another app" : "Enrol an authenticator app"}
      </Button>
    </Stack>
  );
}

function FirstCode({
  enrolment,
  onDone,
  onLeave,
}: {
  enrolment: Enrolment;
  onDone: () => void;
  onLeave: () => void;
}) {
  const { api } = usePlatform();
  const [code, setCode] = useState("");
  const verify = useAction(
    (typed: string) => answerOf(api.POST("/users/me/totp/verify", { body: { code: typed } })),
    { changes: [OWN_SESSIONS], onDone },
  );
  const problem = plainProblem(verify.error, ["code"], { code: "six digits" });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    verify.run(code.replaceAll(" ", ""));
  };
  return (
    <form onSubmit={submit}>
      <Group align="flex-start" gap="lg">
        {/* Black on white in the dark as well: apps read nothing else. */}
        <Paper p="md" bg="white" withBorder>
          <QRCodeSVG value={enrolment.otpauth_uri} size={180} title="QR code for the authenticator app" />
        </Paper>
        <Stack flex={1} miw={260} maw={480}>
          <Text size="sm">
            Scan it with an authenticator app, or type the secret there. It is shown this once.
          </Text>
          <Stack gap={2}>
            <Text size="sm" fw={600}>
              Secret
            </Text>
            <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
              {enrolment.secret}
            </Code>
          </Stack>
          <Stack gap={2}>
            <Text size="sm" fw={600}>
              As an address
            </Text>
            <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
              {enrolment.otpauth_uri}
            </Code>
          </Stack>
          {problem.rest !== null && (
            <Alert color="red" role="alert">
              {problem.rest}
            </Alert>
          )}
          <TextInput
            label="First code of the app"
            required
            data-autofocus
            inputMode="numeric"
            autoComplete="one-time-code"
            maxLength={7}
            value={code}
            error={problem.fields.code}
            onChange={(event) => setCode(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onLeave}>
              Leave it
            </Button>
            <Button type="submit" loading={verify.isRunning}>
              Enrol
            </Button>
          </Group>
        </Stack>
      </Group>
    </form>
  );
}
