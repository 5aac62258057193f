import { Button, Stack } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import { usePlatform } from "../../platform";
import { DataTable } from "../../ui/DataTable";
import { Failed, Loading } from "../../ui/states";
import { shownTime } from "../../ui/times";
import { useAddress } from "../../ui/useAddress";
import { AuditFilters } from "./AuditFilters";
import { AuditRecordDialog, Said } from "./AuditRecordDialog";
import { anchoredAt, searchOf, shownTopic, timeOf } from "./audit";
import { VerificationStatus } from "./VerificationStatus";

type AuditRecord = components["schemas"]["AuditRecord"];
type Page = components["schemas"]["AuditPage"];

/** Not looked at again by itself: each search is a record of the trail. */
export function AuditRecords({ mayExport }: { mayExport: boolean }) {
  const { api } = usePlatform();
  const [actor] = useAddress("actor", "");
  const [topic] = useAddress("topic", "");
  const [aggregateId] = useAddress("aggregate", "");
  const [since] = useAddress("since", "");
  const [until] = useAddress("until", "");
  const [shown, show] = useState<AuditRecord | null>(null);
  const search = searchOf({ actor, topic, aggregateId, since, until });
  const records = useInfiniteQuery({
    queryKey: ["audit-records", search],
    queryFn: ({ pageParam }) =>
      answerOf(
        api.GET("/audit/records", {
          params: { query: { ...search, ...(pageParam === null ? {} : { before: pageParam }) } },
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: (last: Page) => last.next_before ?? undefined,
    refetchOnWindowFocus: false,
    staleTime: 60_000,
  });
  const first = records.data?.pages[0];
  const newest = useNewestAnchor(mayExport ? (first?.anchored_sequence ?? 0) : 0);
  return (
    <Stack>
      {first !== undefined && (
        <VerificationStatus
          sequence={first.sequence}
          anchoredSequence={first.anchored_sequence}
          anchoredAt={newest}
        />
      )}
      <AuditFilters />
      {records.error !== null && (
        <Failed error={records.error} tryAgain={() => void records.refetch()} isTrying={records.isFetching} />
      )}
      {first === undefined ? (
        records.error === null && <Loading />
      ) : (
        <>
          <DataTable
            label="Records"
            rows={records.data?.pages.flatMap((page) => page.items) ?? []}
            keyOf={(record) => record.sequence}
            minWidth={860}
            empty="No record is so. They are sealed once a minute: what has just happened comes soon."
            columns={[
              { name: "No.", isNumber: true, show: (record) => record.sequence },
              { name: "When", show: (record) => shownTime(timeOf(record)) },
              { name: "Who", show: (record) => record.actor ?? "the platform" },
              { name: "What", show: (record) => shownTopic(record.topic) },
              { name: "Said", show: (record) => <Said record={record} /> },
              {
                name: "",
                show: (record) => (
                  <Button
                    size="compact-xs"
                    variant="default"
                    aria-label={`Show record ${record.sequence}`}
                    onClick={() => show(record)}
                  >
                    Show
                  </Button>
                ),
              },
            ]}
          />
          {records.hasNextPage && (
            <Button
              variant="default"
              loading={records.isFetchingNextPage}
              onClick={() => void records.fetchNextPage()}
            >
              More
            </Button>
          )}
        </>
      )}
      {shown !== null && (
        <AuditRecordDialog
          record={shown}
          isAnchored={shown.sequence <= (first?.anchored_sequence ?? 0)}
          onClose={() => show(null)}
        />
      )}
    </Stack>
  );
}

/** When the newest anchor was made; null while that is not known, and for those who may not ask. */
function useNewestAnchor(sequence: number): string | null {
  const { api } = usePlatform();
  const anchors = useQuery({
    queryKey: ["audit-anchor", sequence],
    queryFn: () =>
      answerOf(api.GET("/audit/anchors", { params: { query: { first_sequence: sequence, sequence } } })),
    enabled: sequence > 0,
    staleTime: Number.POSITIVE_INFINITY, // An anchor never changes.
  });
  const newest = anchors.data?.items.at(-1);
  return newest === undefined ? null : anchoredAt(newest.document);
}
