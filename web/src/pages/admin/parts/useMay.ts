import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import { type Me, usePlatform } from "../../../platform";

/** Who is signed in; undefined for a moment only, because no page is shown before it is known. */
export function useMe(): Me | undefined {
  const { api } = usePlatform();
  return useQuery({ queryKey: ["me"], queryFn: () => answerOf(api.GET("/me")), staleTime: 60_000 }).data;
}

/** Whether whoever is signed in may do something: what he may not is not offered. */
export function useMay(): (permission: string) => boolean {
  const me = useMe();
  return (permission) => me?.permissions.includes(permission) ?? false;
}
