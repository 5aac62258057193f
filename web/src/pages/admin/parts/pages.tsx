import { Button, Group, Stack } from "@mantine/core";
import { type InfiniteData, type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Failed, Loading } from "../../../ui/states";

export interface PageOf<Item, Cursor> {
  readonly items: readonly Item[];
  readonly next: Cursor | null;
}

interface Asked<Cursor> {
  readonly cursor: Cursor | null;
}

/**
 * A long list, page by page: the first one, and another each time that more is asked for.
 *
 * `lookEveryMs`: how often it is read again, while it is one page: who reads on is left in peace.
 */
export function usePages<Item, Cursor>(
  queryKey: QueryKey,
  read: (cursor: Cursor | null) => Promise<PageOf<Item, Cursor>>,
  lookEveryMs?: number,
) {
  type Found = PageOf<Item, Cursor>;
  const query = useInfiniteQuery<Found, Error, InfiniteData<Found>, QueryKey, Asked<Cursor>>({
    queryKey,
    queryFn: ({ pageParam }) => read(pageParam.cursor),
    initialPageParam: { cursor: null },
    getNextPageParam: (last) => (last.next === null ? undefined : { cursor: last.next }),
    refetchInterval: ({ state }) =>
      lookEveryMs !== undefined && (state.data?.pages.length ?? 0) <= 1 ? lookEveryMs : false,
  });
  return {
    items: query.data?.pages.flatMap((page) => page.items),
    error: query.error,
    isFetching: query.isFetching,
    hasMore: query.hasNextPage,
    isReadingMore: query.isFetchingNextPage,
    more: () => void query.fetchNextPage(),
    again: () => void query.refetch(),
  };
}

export function FoundPages<Item>({
  pages,
  children,
}: {
  pages: {
    readonly items: readonly Item[] | undefined;
    readonly error: Error | null;
    readonly isFetching: boolean;
    readonly hasMore: boolean;
    readonly isReadingMore: boolean;
    readonly more: () => void;
    readonly again: () => void;
  };
  children: (items: readonly Item[]) => ReactNode;
}) {
  return (
    <Stack>
      {pages.error !== null && (
        <Failed error={pages.error} tryAgain={pages.again} isTrying={pages.isFetching} />
      )}
      {pages.items !== undefined ? children(pages.items) : pages.error === null && <Loading />}
      {pages.hasMore && (
        <Group justify="center">
          <Button variant="default" onClick={pages.more} loading={pages.isReadingMore}>
            More
          </Button>
        </Group>
      )}
    </Stack>
  );
}
