import { Badge } from "@mantine/core";
import { StaleSince } from "../ui/StaleSince";
import { useConnection } from "./hooks";

/** For the frame of the app: nothing while all is live or nothing live is shown. */
export function LiveState() {
  const state = useConnection();
  if (state.kind === "CONNECTING") {
    return (
      <Badge color="gray" variant="light" tt="none" radius="sm" role="status">
        connecting
      </Badge>
    );
  }
  return <StaleSince since={state.kind === "STALE" ? state.since : null} />;
}
