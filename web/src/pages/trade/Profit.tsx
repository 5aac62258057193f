import { Text } from "@mantine/core";
import { shownAmount, signOf } from "../../ui/amounts";

const COLOURS = { "-1": "red", "0": "dimmed", "1": "teal" } as const;

/** A profit or a loss; null where a price that it needs was never seen. */
export function Profit({ amount, unit = "" }: { amount: string | null; unit?: string }) {
  return (
    <Text span inherit c={amount === null ? "dimmed" : COLOURS[signOf(amount)]}>
      {amount === null ? "not known" : `${shownAmount(amount)}${unit === "" ? "" : ` ${unit}`}`}
    </Text>
  );
}
