import { Alert } from "@mantine/core";
import { shownTime } from "../../ui/times";
import { verificationOf } from "./audit";

/** How far the trail is vouched for, and since when. */
export function VerificationStatus({
  sequence,
  anchoredSequence,
  anchoredAt,
}: {
  sequence: number;
  anchoredSequence: number;
  anchoredAt: string | null;
}) {
  const { isWhole, said } = verificationOf(sequence, anchoredSequence);
  return (
    <Alert color={isWhole ? "teal" : "red"} role={isWhole ? "status" : "alert"} variant="light">
      {said} {anchoredAt !== null && `The newest anchor is of ${shownTime(anchoredAt)}.`}
    </Alert>
  );
}
