import { Alert, Button, Card, Center, PasswordInput, Stack, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Problem } from "../api/problem";
import { usePlatform } from "../platform";

export function SignInPage() {
  const { session, signIn } = usePlatform();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const signing = useMutation({
    mutationFn: () => signIn({ username, password, ...(code === "" ? {} : { code }) }),
    onSuccess: (tokens) => session.signedIn(tokens),
  });
  const problem = signing.error instanceof Problem ? signing.error : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!signing.isPending) signing.mutate();
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
              error={problem?.of("username")}
            />
            <PasswordInput
              label="Password"
              name="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              error={problem?.of("password")}
            />
            <TextInput
              label="Code"
              description="Of your authenticator app, if you have one"
              name="code"
              inputMode="numeric"
              autoComplete="one-time-code"
              value={code}
              onChange={(event) => setCode(event.currentTarget.value.trim())}
              error={problem?.of("code")}
            />
            {signing.error !== null && (
              <Alert color="red" role="alert">
                {signing.error.message}
              </Alert>
            )}
            <Button type="submit" loading={signing.isPending}>
              Sign in
            </Button>
          </Stack>
        </form>
      </Card>
    </Center>
  );
}
