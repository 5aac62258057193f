import { Button, Center, Stack } from "@mantine/core";
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Failed, Loading } from "./states";

/** A list that comes in pages: what is there, and a button for the next page. */
export function Pages<Item>({
  query,
  children,
}: {
  query: UseInfiniteQueryResult<InfiniteData<{ readonly items: readonly Item[] }>>;
  children: (items: readonly Item[]) => ReactNode;
}) {
  const { data, error, hasNextPage, isFetching, isFetchingNextPage } = query;
  return (
    <Stack>
      {error !== null && <Failed error={error} tryAgain={() => void query.refetch()} isTrying={isFetching} />}
      {data !== undefined
        ? children(data.pages.flatMap((page) => page.items))
        : error === null && <Loading />}
      {hasNextPage && (
        <Center>
          <Button
            variant="default"
            size="xs"
            loading={isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            More
          </Button>
        </Center>
      )}
    </Stack>
  );
}
