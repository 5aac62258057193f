import { useQuery } from "@tanstack/react-query";
import { meRead } from "../pages/firstReads";
import { type Me, usePlatform } from "../platform";

/** Who is signed in: the same answer that the frame of the app has, so it is there before any page is. */
export function useMe(): Me | null {
  return useQuery(meRead(usePlatform().api)).data ?? null;
}

/** Whether a permission is one's own: what one may not do is not offered. */
export function useMay(): (permission: string) => boolean {
  const permissions = useMe()?.permissions ?? [];
  return (permission) => permissions.includes(permission);
}
