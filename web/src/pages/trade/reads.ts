/** What several trading pages read of the API, under the same keys, so that it is read once. */
import { useQuery } from "@tanstack/react-query";
import { usePlatform } from "../../platform";
import { accountsRead, instrumentsRead } from "../firstReads";

export function useInstruments() {
  return useQuery(instrumentsRead(usePlatform().api));
}

export function useAccounts() {
  return useQuery(accountsRead(usePlatform().api));
}

/** The name of an account, or the beginning of its id while names are not there. */
export function useAccountNames(): (accountId: string) => string {
  const accounts = useAccounts();
  return (accountId) =>
    accounts.data?.items.find((account) => account.account_id === accountId)?.name ?? accountId.slice(0, 8);
}
