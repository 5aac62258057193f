import { Card, Center, Group, Stack, Text, Title } from "@mantine/core";
import { lazy, Suspense } from "react";
import { Loading } from "../ui/states";
import { SignOut } from "./SignOut";

const SecondFactor = lazy(() =>
  import("../pages/admin/me/SecondFactor").then((page) => ({ default: page.SecondFactor })),
);

/** For whom the platform answers nothing before he has shown a second factor: how he gets one. */
export function SecondFactorFirst() {
  return (
    <Center mih="100vh" p="md">
      <Card component="main" withBorder w="100%" maw={480} p="xl">
        <Stack>
          <Title order={1} size="h2">
            A second factor first
          </Title>
          <Text size="sm">
            Your role asks for the code of an authenticator app at every sign-in. Enrol one here, then sign
            out and in again with its code.
          </Text>
          <Suspense fallback={<Loading />}>
            <SecondFactor />
          </Suspense>
          <Group justify="flex-end">
            <SignOut />
          </Group>
        </Stack>
      </Card>
    </Center>
  );
}
