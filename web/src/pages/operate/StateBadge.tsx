import { Badge } from "@mantine/core";

const COLOURS: Readonly<Record<string, string>> = {
  UP: "teal",
  OK: "teal",
  READY: "teal",
  SERVING: "teal",
  DONE: "teal",
  CONFIRMED: "teal",
  FOLLOWING: "blue",
  UNDER_WAY: "blue",
  NOT_CONFIGURED: "gray",
  DEGRADED: "orange",
  LATE: "orange",
  SILENT: "orange",
  STARTING: "orange",
  RECOVERED: "orange",
  REJECTED: "gray",
  UNAVAILABLE: "red",
  UNRESOLVED: "red",
  DOWN: "red",
  BROKEN: "red",
};

/** How something is, in the platform's word: its colour says the same to those who see colours. */
export function StateBadge({ state }: { state: string }) {
  return (
    <Badge variant="light" color={COLOURS[state] ?? "gray"} tt="none" miw="max-content">
      {state.toLowerCase().replaceAll("_", " ")}
    </Badge>
  );
}
