import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

export function NodeLink({ nodeId, children }: { nodeId: string; children: ReactNode }) {
  return (
    <Anchor component={Link} to={`/limits/${nodeId}`} size="sm" inherit>
      {children}
    </Anchor>
  );
}

export function OrderLink({ orderId }: { orderId: string }) {
  return (
    <Anchor component={Link} to={`/orders/${orderId}`} size="sm" inherit aria-label={`Order ${orderId}`}>
      {orderId.slice(0, 8)}
    </Anchor>
  );
}
