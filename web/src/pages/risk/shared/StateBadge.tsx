import { Badge } from "@mantine/core";
import { IconBan, IconCircleCheck, IconHandStop, IconTrendingDown } from "@tabler/icons-react";
import { stateWords } from "../model/breaches";
import type { NodeState } from "../model/types";

const LOOKS = {
  ACTIVE: { color: "teal", variant: "light", Icon: IconCircleCheck },
  REDUCE_ONLY: { color: "orange", variant: "filled", Icon: IconTrendingDown },
  SUSPENDED: { color: "red", variant: "filled", Icon: IconHandStop },
  KILLED: { color: "red", variant: "filled", Icon: IconBan },
} as const;

/** A node's state, by word and sign as well as by colour. */
export function StateBadge({ state }: { state: NodeState }) {
  const { color, variant, Icon } = LOOKS[state];
  return (
    <Badge miw="max-content" color={color} variant={variant} leftSection={<Icon size={12} aria-hidden />}>
      {stateWords(state)}
    </Badge>
  );
}
