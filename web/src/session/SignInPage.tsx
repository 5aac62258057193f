import { Alert, Button, Card, Center, PasswordInput, Stack, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Problem } from "../api/problem";
import { usePlatform } from "../platform";
import { formProblem } from "../ui/formProblem";
import { useAction } from "../ui/useAction";

export function SignInPage() {
  const { session, signIn } = usePlatform();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [newPassword, setNewPassword] = useState("");
  const [isInvited, setIsInvited] = useState(false);
  const signing = useAction(
    () =>
      signIn({
        username,
        password,
        ...(code === "" ? {} : { code }),
        ...(newPassword === "" ? {} : { new_password: newPassword }),
      }),
    { changes: [], onDone: (tokens) => session.signedIn(tokens) },
  );
  // What the user pool wants first of somebody whose password is that of his invitation.
  const wantsPassword = signing.error instanceof Problem && signing.error.code === "SIGN_IN_INCOMPLETE";
  if (wantsPassword && !isInvited) setIsInvited(true);
  const problem = formProblem(signing.error, ["username", "password", "code", "new_password"]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signing.run(undefined);
  };
  return (
    <Center mih="100vh" p="md">
      <Card component="main" withBorder w="100%" maw={400} p="xl">
        <form onSubmit={submit}>
          <Stack>
            <Title order={1} size="h2">
              Breakwater
            </Title>
            <TextInput
              label="User name"
              name="username"
              autoComplete="username"
              required
              value={username}
              onChange={(event) => setUsername(event.currentTarget.value)}
              error={problem.fields.username}
            />
            <PasswordInput
              label="Password"
              name="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              error={problem.fields.password}
            />
            <TextInput
              label="Code"
              description="Of your authenticator app, if you have one"
              name="code"
              inputMode="numeric"
              autoComplete="one-time-code"
              value={code}
              onChange={(event) => setCode(event.currentTarget.value.trim())}
              error={problem.fields.code}
            />
            {isInvited && (
              <PasswordInput
                label="Your own password"
                description="The one of your invitation ends with this sign-in"
                name="new_password"
                autoComplete="new-password"
                required
                value={newPassword}
                onChange={(event) => setNewPassword(event.currentTarget.value)}
                error={problem.fields.new_password}
              />
            )}
            {wantsPassword && (
              <Alert role="status">This is your first sign-in: choose a password of your own.</Alert>
            )}
            {problem.rest !== null && !wantsPassword && (
              <Alert color="red" role="alert">
                {problem.rest}
              </Alert>
            )}
            <Button type="submit" loading={signing.isRunning}>
              Sign in
            </Button>
          </Stack>
        </form>
      </Card>
    </Center>
  );
}
