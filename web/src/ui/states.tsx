/** What is shown in place of a list or a figure that is not there: still loading, failed, or empty. */
import { Alert, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

export function Loading({ lines = 4 }: { lines?: number }) {
  return (
    <Stack gap="xs" aria-busy="true" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => line).map((line) => (
        <Skeleton key={line} height={18} />
      ))}
    </Stack>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return (
    <Text c="dimmed" py="md">
      {children}
    </Text>
  );
}

/** What the platform, or the browser, said in place of an answer. */
export function Failed({
  error,
  tryAgain,
  isTrying = false,
}: {
  error: Error;
  tryAgain?: () => void;
  isTrying?: boolean;
}) {
  return (
    <Alert color="red" role="alert">
      <Group justify="space-between">
        <Text size="sm">{error.message}</Text>
        {tryAgain !== undefined && (
          <Button size="compact-sm" variant="light" color="red" onClick={tryAgain} loading={isTrying}>
            Try again
          </Button>
        )}
      </Group>
    </Alert>
  );
}

/** Shows what a query found. What was found before stays on the screen with the failure above it. */
export function Found<Data>({
  query,
  children,
}: {
  query: UseQueryResult<Data>;
  children: (data: Data) => ReactNode;
}) {
  return (
    <Stack>
      {query.error !== null && (
        <Failed error={query.error} tryAgain={() => void query.refetch()} isTrying={query.isFetching} />
      )}
      {query.data !== undefined ? children(query.data) : query.error === null && <Loading />}
    </Stack>
  );
}
