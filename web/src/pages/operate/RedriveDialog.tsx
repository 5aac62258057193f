import { answerOf } from "../../api/client";
import type { components } from "../../api/schema";
import { usePlatform } from "../../platform";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { useAction } from "../../ui/useAction";
import type { Letter } from "./DeadLetters";

type Redriven = components["schemas"]["Redriven"];

/** One letter, or all of a queue: the oldest hundred at once. */
export function RedriveDialog({
  queue,
  letter,
  onClose,
  onDone,
}: {
  queue: string;
  letter: Letter | null;
  onClose: () => void;
  onDone: (answer: Redriven) => void;
}) {
  const { api } = usePlatform();
  const redriving = useAction(
    () =>
      answerOf(
        api.POST("/dead-letters/{queue}/redrive", {
          params: { path: { queue } },
          body: { letter_id: letter?.letter_id ?? null },
        }),
      ),
    { changes: [["dead-letters"], ["consumers"]], onDone },
  );
  return (
    <ConfirmDialog
      title={letter === null ? `Redrive all of ${queue}` : "Redrive this letter"}
      confirm="Redrive"
      error={redriving.error}
      isRunning={redriving.isRunning}
      onConfirm={() => redriving.run(undefined)}
      onClose={onClose}
    >
      {letter === null
        ? `The oldest hundred dead letters of ${queue} go to its consumer again, in the order in which they failed.`
        : `The letter${letter.topic === null ? "" : ` about ${letter.topic}`} goes to the consumer of ${queue} again.`}{" "}
      Whatever still fails comes back here. That you asked for it is in the audit trail.
    </ConfirmDialog>
  );
}
