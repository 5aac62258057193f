import { Alert, Badge, Button } from "@mantine/core";
import type { components } from "../../../api/schema";
import { DataTable } from "../../../ui/DataTable";
import { shownTime } from "../../../ui/times";
import type { Action } from "../../../ui/useAction";

type OpenSession = components["schemas"]["OpenSession"];

const ISSUERS: Record<OpenSession["issuer"], string> = { POOL: "here", OIDC: "the firm's issuer" };

export function SessionsTable({ sessions, end }: { sessions: readonly OpenSession[]; end: Action<string> }) {
  return (
    <>
      {end.error !== null && (
        <Alert color="red" role="alert">
          {end.error.message}
        </Alert>
      )}
      <DataTable
        label="Sessions"
        rows={sessions}
        keyOf={(session) => session.session_id}
        empty="Signed in nowhere."
        columns={[
          { name: "Signed in", show: (session) => shownTime(session.signed_in_at) },
          { name: "Last seen", show: (session) => shownTime(session.last_seen_at) },
          { name: "From", show: (session) => session.source_ip ?? "unknown" },
          { name: "At", show: (session) => ISSUERS[session.issuer] },
          {
            name: "Second factor",
            show: (session) => (
              <Badge variant="light" color={session.has_second_factor ? "teal" : "gray"}>
                {session.has_second_factor ? "shown" : "none"}
              </Badge>
            ),
          },
          {
            name: "",
            show: (session) =>
              session.is_current ? (
                <Badge variant="outline">this one</Badge>
              ) : (
                <Button
                  size="compact-sm"
                  variant="light"
                  color="red"
                  onClick={() => end.run(session.session_id)}
                  aria-label={`End the session of ${shownTime(session.signed_in_at)}`}
                >
                  End
                </Button>
              ),
          },
        ]}
      />
    </>
  );
}
