import { Text } from "@mantine/core";
import { useMay } from "../../../ui/useMe";
import { heldAt, heldWords, isHeld } from "./reservation";
import type { Tellers } from "./story";

/** What the order holds of limits while it may still trade. */
export function Reservation({ held, names, order }: Pick<Tellers, "held" | "names" | "order">) {
  const mayLimits = useMay()("limits:read");
  if (!mayLimits) return <Words>Your role does not see limits.</Words>;
  if (held === null) return <Words>Nothing was reserved for it.</Words>;
  if (!isHeld(held)) return <Words>Nothing any more: it has ended, and what it held is given back.</Words>;
  return (
    <Text size="sm">
      {heldWords(held, held.open_qty, order.symbol)}, held at {heldAt(held, names)}.
    </Text>
  );
}

function Words({ children }: { children: string }) {
  return (
    <Text size="sm" c="dimmed">
      {children}
    </Text>
  );
}
