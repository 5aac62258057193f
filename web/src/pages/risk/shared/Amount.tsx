import { Text } from "@mantine/core";
import { shownAmount, signOf } from "../../../ui/amounts";
import { roundedForEye } from "../model/exact";

/** Rounded for the eye; every digit is in its title. Null: "unknown". */
export function Amount({ amount, unit }: { amount: string | null; unit?: string }) {
  if (amount === null) {
    return (
      <Text span inherit c="dimmed">
        unknown
      </Text>
    );
  }
  return (
    <span title={shownAmount(amount)}>
      {shownAmount(roundedForEye(amount))}
      {unit !== undefined && ` ${unit}`}
    </span>
  );
}

const GAIN = "var(--mantine-color-teal-light-color)";
const LOSS = "var(--mantine-color-red-light-color)";

/** Profit with its sign, loss in red. */
export function Profit({ amount }: { amount: string | null }) {
  const sign = amount === null ? 0 : signOf(amount);
  return (
    <Text span inherit c={sign < 0 ? LOSS : sign > 0 ? GAIN : "inherit"}>
      {sign > 0 && "+"}
      <Amount amount={amount} />
    </Text>
  );
}
