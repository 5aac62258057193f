import { Button, List, Stack, Text } from "@mantine/core";
import { shownAmount } from "../../../ui/amounts";
import { assetsOf, type Finding, largestPassing, sentenceOf } from "./verdicts";

/** Each limit that refuses, in a sentence, and the largest quantity that all of them would let through. */
export function Refusals({
  refusals,
  symbol,
  onTake,
}: {
  refusals: readonly Finding[];
  symbol: string;
  onTake?: (quantity: string) => void;
}) {
  const assets = assetsOf(symbol);
  const largest = largestPassing(refusals);
  return (
    <Stack gap="xs">
      <List size="sm" spacing={4} aria-label="Limits that refuse">
        {refusals.map((refusal) => (
          <List.Item key={`${refusal.node_id}/${refusal.limit_id ?? refusal.limit_type}`}>
            {sentenceOf(refusal, assets)}
          </List.Item>
        ))}
      </List>
      {largest === null ? (
        <Text size="xs" c="dimmed">
          No smaller quantity would pass.
        </Text>
      ) : (
        onTake !== undefined && (
          <Button
            size="compact-sm"
            variant="light"
            onClick={() => onTake(largest)}
            style={{ alignSelf: "start" }}
          >
            Take {shownAmount(largest)} {assets.base}, the most that passes
          </Button>
        )
      )}
    </Stack>
  );
}
