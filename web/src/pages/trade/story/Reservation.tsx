import { Text } from "@mantine/core";
import { Found } from "../../../ui/states";
import { useMay } from "../../../ui/useMe";
import type { Order } from "../orderWords";
import { heldAt, heldWords, isHeld } from "./reservation";
import { useReservation } from "./useStory";

/** What the order holds of limits while it may still trade. */
export function Reservation({ order }: { order: Order }) {
  const mayLimits = useMay()("limits:read");
  const reservation = useReservation(order);
  if (!mayLimits) return <Words>Your role does not see limits.</Words>;
  return (
    <Found query={reservation}>
      {({ held, names }) => {
        if (held === null) return <Words>Nothing was reserved for it.</Words>;
        if (!isHeld(held))
          return <Words>Nothing any more: it has ended, and what it held is given back.</Words>;
        return (
          <Text size="sm">
            {heldWords(held, held.open_qty, order.symbol)}, held at {heldAt(held, names)}.
          </Text>
        );
      }}
    </Found>
  );
}

function Words({ children }: { children: string }) {
  return (
    <Text size="sm" c="dimmed">
      {children}
    </Text>
  );
}
