import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answerOf } from "../../../api/client";
import { Problem } from "../../../api/problem";
import { usePlatform } from "../../../platform";
import { formProblem } from "../../../ui/formProblem";
import { useAction } from "../../../ui/useAction";
import { draftOf, type Errors, type LimitDraft, NEW_LIMIT, settingOf } from "../model/limitForm";
import { otherVersionWords } from "../model/limitVersions";
import { limitName } from "../model/limitWords";
import type { Limit, LimitSetting, ScopeNode } from "../model/types";
import { LIMITS_KEY, useLimitTypes } from "../shared/queries";
import { fieldsOf, LimitConduct, LimitFields } from "./LimitFields";
import { TakenWithWarnings } from "./TakenWithWarnings";

/** Sets a new limit on a node, or changes one as it was when the dialog was opened. */
export function LimitDialog({
  node,
  limit,
  onClose,
}: {
  node: Pick<ScopeNode, "node_id" | "name" | "kind">;
  limit: Limit | null;
  onClose: () => void;
}) {
  const { api } = usePlatform();
  const types = useLimitTypes().data?.items ?? [];
  const [before] = useState(limit); // What is read again meanwhile must not change the version that was looked at.
  const [draft, setDraft] = useState<LimitDraft>(before === null ? NEW_LIMIT : draftOf(before));
  const [wrong, setWrong] = useState<Errors>({});
  const [warnings, setWarnings] = useState<readonly string[]>([]);
  const type = types.find((each) => each.limit_type === draft.limitType);
  const action = useAction((setting: LimitSetting) => answerOf(api.POST("/limits", { body: setting })), {
    changes: [LIMITS_KEY],
    onDone: (set) => (set.warnings.length === 0 ? onClose() : setWarnings(set.warnings)),
  });
  const problem = formProblem(action.error, fieldsOf(type));
  const errors = { ...problem.fields, ...wrong };
  const change = (changed: Partial<LimitDraft>) => {
    setDraft((previous) => ({ ...previous, ...changed }));
    setWrong({});
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const setting = settingOf(draft, type, node.node_id, before);
    if ("errors" in setting) return setWrong(setting.errors);
    action.run(setting);
  };
  if (warnings.length > 0)
    return <TakenWithWarnings title="The limit is set" warnings={warnings} onClose={onClose} />;
  const title =
    before === null ? `Set a limit on ${node.name}` : `Change ${limitName(before)} of ${node.name}`;
  return (
    <Modal opened onClose={onClose} title={title} size="lg">
      <form onSubmit={submit} noValidate>
        <Stack>
          {problem.rest !== null && (
            <Alert color="red" role="alert">
              {problem.rest}
              <Conflict error={action.error} unit={type?.unit ?? ""} />
            </Alert>
          )}
          <LimitFields
            draft={draft}
            change={change}
            types={types}
            nodeKind={node.kind}
            errors={errors}
            isFixed={before !== null}
          />
          <LimitConduct draft={draft} change={change} type={type} errors={errors} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={action.isRunning}>
              {before === null ? "Set it" : "Change it"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** The other version, where somebody was faster or another limit has these dates. */
function Conflict({ error, unit }: { error: Error | null; unit: string }) {
  const other = error instanceof Problem ? (error.document.current ?? error.document.overlaps) : undefined;
  if (other === undefined || other === null) return null;
  return (
    <Text size="sm" mt={4}>
      It stands at {otherVersionWords(other, unit)}. Nothing was set: close this and open it again to change
      that one.
    </Text>
  );
}
