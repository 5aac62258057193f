import { Anchor, Button, Group, Modal, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { Failed, Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { useAction } from "../../../ui/useAction";
import { FoundPages, usePages } from "../parts/pages";
import { DigestDocument } from "./DigestDocument";

type Schemas = components["schemas"];
type Summary = Schemas["DigestSummary"];

type Shown =
  | { readonly kind: "KEPT"; readonly digestId: string; readonly subject: string }
  | { readonly kind: "PREVIEW"; readonly preview: Schemas["DigestPreview"] }
  | null;

/** Digests that were made, and what one would say now. */
export function DigestList() {
  const { api } = usePlatform();
  const [shown, setShown] = useState<Shown>(null);
  const digests = usePages<Summary, string>(["admin", "digests"], async (cursor) => {
    const answer = await answerOf(api.GET("/digests", { params: { query: { cursor } } }));
    return { items: answer.items, next: answer.next_cursor };
  });
  const preview = useAction(
    (period: Schemas["Period"]) => answerOf(api.POST("/digests/preview", { body: { period } })),
    { changes: [], onDone: (made) => setShown({ kind: "PREVIEW", preview: made }) },
  );
  return (
    <>
      <Group gap="xs">
        <Button variant="light" onClick={() => preview.run("DAILY")} loading={preview.isRunning}>
          Today so far
        </Button>
        <Button variant="light" onClick={() => preview.run("WEEKLY")} loading={preview.isRunning}>
          This week so far
        </Button>
      </Group>
      {preview.error !== null && <Failed error={preview.error} />}
      <FoundPages pages={digests}>
        {(items) => (
          <DataTable
            label="Digests"
            rows={items}
            keyOf={(digest) => digest.digest_id}
            empty="None yet: the first one comes when the day has ended."
            columns={[
              {
                name: "Digest",
                show: (digest) => (
                  <Anchor
                    component="button"
                    type="button"
                    size="sm"
                    onClick={() =>
                      setShown({ kind: "KEPT", digestId: digest.digest_id, subject: digest.subject })
                    }
                  >
                    {digest.subject}
                  </Anchor>
                ),
              },
              { name: "Made", show: (digest) => shownTime(digest.made_at) },
              {
                name: "Mail",
                show: (digest) => (
                  <Text size="sm" {...(digest.mail_state === "FAILED" ? { c: "red" } : {})}>
                    {digest.mail_state.toLowerCase().replaceAll("_", " ")}
                    {digest.mail_error !== null && `: ${digest.mail_error}`}
                  </Text>
                ),
              },
            ]}
          />
        )}
      </FoundPages>
      {shown !== null && (
        <Modal
          opened
          onClose={() => setShown(null)}
          size="xl"
          title={shown.kind === "PREVIEW" ? shown.preview.subject : shown.subject}
          closeButtonProps={{ "aria-label": "Close" }}
        >
          {shown.kind === "PREVIEW" ? (
            <DigestDocument document={shown.preview.document} />
          ) : (
            <KeptDigest digestId={shown.digestId} />
          )}
        </Modal>
      )}
    </>
  );
}

function KeptDigest({ digestId }: { digestId: string }) {
  const { api } = usePlatform();
  const digest = useQuery({
    queryKey: ["admin", "digests", digestId],
    queryFn: () => answerOf(api.GET("/digests/{digest_id}", { params: { path: { digest_id: digestId } } })),
  });
  return <Found query={digest}>{(found) => <DigestDocument document={found.document} />}</Found>;
}
