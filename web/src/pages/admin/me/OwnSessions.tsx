import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { Found } from "../../../ui/states";
import { useAction } from "../../../ui/useAction";
import { SessionsTable } from "../parts/SessionsTable";

export const OWN_SESSIONS = ["admin", "own-sessions"] as const;

export function useOwnSessions() {
  const { api } = usePlatform();
  return useQuery({
    queryKey: OWN_SESSIONS,
    queryFn: async () => (await answerOf(api.GET("/users/me/sessions"))).items,
  });
}

export function OwnSessions() {
  const { api } = usePlatform();
  const sessions = useOwnSessions();
  const end = useAction(
    (session_id: string) =>
      answerOf(api.DELETE("/users/me/sessions/{session_id}", { params: { path: { session_id } } })),
    { changes: [OWN_SESSIONS] },
  );
  return <Found query={sessions}>{(found) => <SessionsTable sessions={found} end={end} />}</Found>;
}
