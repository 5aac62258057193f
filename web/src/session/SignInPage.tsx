import { Alert, Button, Card, Center, PasswordInput, Stack, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { usePlatform } from "../platform";
import { formProblem } from "../ui/formProblem";
import { useAction } from "../ui/useAction";

export function SignInPage() {
  const { session, signIn } = usePlatform();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const signing = useAction(() => signIn({ username, password, ...(code === "" ? {} : { code }) }), {
    changes: [],
    onDone: (tokens) => session.signedIn(tokens),
  });
  const problem = formProblem(signing.error, ["username", "password", "code"]);
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
            {problem.rest !== null && (
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
