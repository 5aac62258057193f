import { Button, Group, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { Empty, Failed, Loading } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { byVenue } from "../model/exposures";
import { Amount } from "../shared/Amount";
import { AmountBars } from "../shared/AmountBars";

const PAGE_SIZE = 200;
const LOOK_EVERY_MS = 5_000;
const OPEN = "Open orders";
const TRADED = "Traded";

/**
 * What open orders may cost at each venue, and what was traded there. Positions are of accounts, not of venues: so far
 * as fills are read, one sees where they came from.
 */
export function VenueSection() {
  const { api } = usePlatform();
  const reservations = useInfiniteQuery({
    queryKey: ["limits", "reservations", "of-venues"],
    queryFn: ({ pageParam }) =>
      answerOf(
        api.GET("/limits/reservations", {
          params: { query: { limit: PAGE_SIZE, ...(pageParam === null ? {} : { cursor: pageParam }) } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: LOOK_EVERY_MS,
  });
  const trades = useInfiniteQuery({
    queryKey: ["trades", "of-venues"],
    queryFn: ({ pageParam }) =>
      answerOf(
        api.GET("/trades", {
          params: { query: { limit: PAGE_SIZE, ...(pageParam === null ? {} : { cursor: pageParam }) } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : LOOK_EVERY_MS),
  });
  const error = trades.error ?? reservations.error;
  if (error !== null) return <Failed error={error} tryAgain={() => void trades.refetch()} />;
  if (trades.data === undefined || reservations.data === undefined) return <Loading />;
  const fills = trades.data.pages.flatMap((page) => page.items);
  const held = reservations.data.pages.flatMap((page) => page.items);
  const rows = byVenue(held, fills);
  const oldest = fills.at(-1);
  if (rows.length === 0) return <Empty>Nothing is open, and nothing was traded.</Empty>;
  return (
    <Stack>
      {[...new Set(rows.map((row) => row.currency))].map((currency) => (
        <AmountBars
          key={currency}
          label={`Open and traded by venue, ${currency}`}
          unit={currency}
          series={[OPEN, TRADED]}
          rows={rows
            .filter((row) => row.currency === currency)
            .map((row) => ({
              name: row.venue,
              amounts: { [OPEN]: row.openNotional, [TRADED]: row.tradedNotional },
            }))}
        />
      ))}
      <DataTable
        label="Exposure by venue"
        rows={rows}
        keyOf={(row) => `${row.venue}/${row.currency}`}
        empty=""
        minWidth={820}
        columns={[
          { name: "Venue", show: (row) => row.venue },
          { name: "Open orders", isNumber: true, show: (row) => row.openOrders },
          {
            name: "They may cost",
            isNumber: true,
            show: (row) => <Amount amount={row.openNotional} unit={row.currency} />,
          },
          { name: "Fills", isNumber: true, show: (row) => row.fills },
          {
            name: "Traded",
            isNumber: true,
            show: (row) => <Amount amount={row.tradedNotional} unit={row.currency} />,
          },
          {
            name: "Bought less sold",
            isNumber: true,
            show: (row) => <Amount amount={row.boughtLessSold} unit={row.currency} />,
          },
        ]}
      />
      <Group>
        <Text size="sm" c="dimmed">
          Of {fills.length} fills{oldest === undefined ? "" : `, back to ${shownTime(oldest.transact_time)}`},
          and {held.length} open orders{reservations.hasNextPage ? " (there are more)" : ""}.
        </Text>
        {trades.hasNextPage && (
          <Button
            variant="default"
            size="compact-sm"
            loading={trades.isFetchingNextPage}
            onClick={() => void trades.fetchNextPage()}
          >
            More fills
          </Button>
        )}
        {reservations.hasNextPage && (
          <Button
            variant="default"
            size="compact-sm"
            loading={reservations.isFetchingNextPage}
            onClick={() => void reservations.fetchNextPage()}
          >
            More open orders
          </Button>
        )}
      </Group>
    </Stack>
  );
}
