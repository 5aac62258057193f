import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../api/client";
import { usePlatform } from "../platform";

/** What the signed-in person may do, asked for once by the app before any page is shown. */
export function useMay(): (permission: string) => boolean {
  const { api } = usePlatform();
  const me = useQuery({ queryKey: ["me"], queryFn: () => answerOf(api.GET("/me")), staleTime: 60_000 });
  return (permission) => me.data?.permissions.includes(permission) ?? false;
}
