/** What several trading pages read of the API, under the same keys, so that it is read once. */
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../api/client";
import { usePlatform } from "../../platform";

const NAMES_STALE_MS = 60_000;

export function useInstruments() {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["instruments"],
    queryFn: () => answerOf(api.GET("/instruments")),
    staleTime: NAMES_STALE_MS,
  });
}

export function useAccounts() {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["accounts"],
    queryFn: () => answerOf(api.GET("/accounts")),
    staleTime: NAMES_STALE_MS,
  });
}

/** The name of an account, or the beginning of its id while names are not there. */
export function useAccountNames(): (accountId: string) => string {
  const accounts = useAccounts();
  return (accountId) =>
    accounts.data?.items.find((account) => account.account_id === accountId)?.name ?? accountId.slice(0, 8);
}
