import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { Found } from "../../../ui/states";
import { useAction } from "../../../ui/useAction";
import { SessionsTable } from "../parts/SessionsTable";

/** Where somebody is signed in. */
export function SessionsOf({ userId }: { userId: string }) {
  const { api } = usePlatform();
  const queryKey = ["admin", "sessions", userId];
  const path = { user_id: userId };
  const sessions = useQuery({
    queryKey,
    queryFn: async () => (await answerOf(api.GET("/users/{user_id}/sessions", { params: { path } }))).items,
  });
  const end = useAction(
    (session_id: string) =>
      answerOf(
        api.DELETE("/users/{user_id}/sessions/{session_id}", { params: { path: { ...path, session_id } } }),
      ),
    { changes: [queryKey] },
  );
  return <Found query={sessions}>{(found) => <SessionsTable sessions={found} end={end} />}</Found>;
}
