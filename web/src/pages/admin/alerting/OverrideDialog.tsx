import { Select, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { useMay, useMe } from "../../../ui/useMe";
import { personChoices, usePeople } from "../parts/directory";
import { FormDialog } from "../parts/FormDialog";
import { momentOf, typedMoment } from "../parts/moments";
import { ROTA } from "./RotaDialog";

const HOURS_8_MS = 28_800_000;

/** Somebody in place of whoever's turn it is. Another person than oneself is for those who manage alerts. */
export function OverrideDialog({ onClose }: { onClose: () => void }) {
  const { api } = usePlatform();
  const me = useMe();
  const mayPutIn = useMay()("alerts:manage");
  const people = personChoices(usePeople().data);
  const [chosen, setChosen] = useState<string | null>(null);
  const [starts, setStarts] = useState("");
  const [ends, setEnds] = useState(() => typedMoment(new Date(Date.now() + HOURS_8_MS)));
  const userId = chosen ?? me?.user_id ?? "";
  const override = useAction(
    (body: components["schemas"]["OverrideBody"]) => answerOf(api.POST("/alerts/rota/overrides", { body })),
    { changes: [ROTA], onDone: onClose },
  );
  const submit = () =>
    override.run({ user_id: userId, starts_at: momentOf(starts), ends_at: momentOf(ends) ?? "" });
  return (
    <FormDialog
      title={mayPutIn ? "Put somebody in" : "Take over"}
      confirm={userId === me?.user_id ? "Take over" : "Put in"}
      action={override}
      fields={["user_id", "starts_at", "ends_at"]}
      onSubmit={submit}
      onClose={onClose}
      isReady={ends !== ""}
    >
      {(errors) => (
        <>
          {mayPutIn ? (
            <Select
              label="Who"
              data={people}
              value={userId}
              error={errors.user_id}
              searchable
              allowDeselect={false}
              limit={100}
              onChange={setChosen}
            />
          ) : (
            <Text size="sm">You are called in place of whoever's turn it is.</Text>
          )}
          <TextInput
            label="From"
            description="Empty: from now"
            type="datetime-local"
            value={starts}
            error={errors.starts_at}
            onChange={(event) => setStarts(event.currentTarget.value)}
          />
          <TextInput
            label="Until"
            type="datetime-local"
            required
            value={ends}
            error={errors.ends_at}
            onChange={(event) => setEnds(event.currentTarget.value)}
          />
        </>
      )}
    </FormDialog>
  );
}
