import { Alert, Button, Card, Center, Stack, Text, Title } from "@mantine/core";
import { useAction } from "../ui/useAction";
import type { OidcSignIn } from "./oidc";

/** The way to the issuer, and what it said if it sent one back with a no. */
export function IssuerSignIn({ oidc }: { oidc: OidcSignIn }) {
  const going = useAction(() => oidc.begin(`${location.pathname}${location.search}`), {
    changes: [],
    onDone: (url) => location.assign(url),
  });
  const said = going.error?.message ?? oidc.refusal;
  return (
    <Center mih="100vh" p="md">
      <Card component="main" withBorder w="100%" maw={400} p="xl">
        <Stack>
          <Title order={1} size="h2">
            Breakwater
          </Title>
          <Text size="sm">You sign in at your firm's issuer, and come back here.</Text>
          {said !== null && (
            <Alert color="red" role="alert">
              {said}
            </Alert>
          )}
          <Button loading={going.isRunning} onClick={() => going.run(undefined)}>
            Sign in
          </Button>
        </Stack>
      </Card>
    </Center>
  );
}
