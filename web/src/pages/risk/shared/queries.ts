/** What risk pages read again and again. TanStack Query asks nothing while the tab is hidden. */
import { type QueryKey, useQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import type { components } from "../../../api/schema";
import { usePlatform } from "../../../platform";

type Schemas = components["schemas"];

export const LOOK_EVERY_MS = 2_000;
const LOOK_NOW_AND_THEN_MS = 5_000;

/** All that a change of a limit, a node or its state may change. */
export const LIMITS_KEY: QueryKey = ["limits"];

export function useLimitTree() {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["limits", "tree"],
    queryFn: () => answerOf(api.GET("/limits/tree")),
    refetchInterval: LOOK_EVERY_MS,
  });
}

/** The node with its limits, their use, and all that is below it. */
export function useSubtree(nodeId: string) {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["limits", "tree", nodeId],
    queryFn: () => answerOf(api.GET("/limits/tree", { params: { query: { node_id: nodeId } } })),
    refetchInterval: LOOK_EVERY_MS,
  });
}

/** The limits of a node whose time is still to come. */
export function usePlannedLimits(nodeId: string) {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["limits", "planned", nodeId],
    queryFn: async () => {
      const usage = await answerOf(api.GET("/limits/usage", { params: { query: { node_id: nodeId } } }));
      return usage.planned;
    },
    refetchInterval: LOOK_NOW_AND_THEN_MS,
  });
}

export function useNodes() {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["limits", "nodes"],
    queryFn: () => answerOf(api.GET("/limits/nodes")),
    refetchInterval: LOOK_NOW_AND_THEN_MS,
  });
}

export function useLeases({ withOver = false }: { withOver?: boolean } = {}) {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["limits", "leases", withOver],
    queryFn: () => answerOf(api.GET("/limits/leases", { params: { query: { living_only: !withOver } } })),
    refetchInterval: LOOK_EVERY_MS,
  });
}

/** They change with the platform's version alone. */
export function useLimitTypes() {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["limit-types"],
    queryFn: () => answerOf(api.GET("/limits/types")),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useOverrides({ openOnly }: { openOnly: boolean }) {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["limits", "overrides", openOnly],
    queryFn: async () => {
      const items: Schemas["OverrideView"][] = [];
      let cursor: string | null = null;
      do {
        const query: { open_only: boolean; cursor: string | null } = { open_only: openOnly, cursor };
        const answer: Schemas["OverridePage"] = await answerOf(
          api.GET("/limits/overrides", { params: { query } }),
        );
        items.push(...answer.items);
        cursor = answer.next_cursor;
      } while (cursor !== null);
      return { items };
    },
    refetchInterval: LOOK_NOW_AND_THEN_MS,
  });
}

export function useInstruments() {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["instruments"],
    queryFn: () => answerOf(api.GET("/instruments")),
    staleTime: 60_000,
  });
}

export function usePortfolio({ isWanted = true }: { isWanted?: boolean } = {}) {
  const { api } = usePlatform();
  return useQuery({
    queryKey: ["portfolio"],
    queryFn: () => answerOf(api.GET("/portfolio")),
    refetchInterval: LOOK_EVERY_MS,
    enabled: isWanted,
  });
}
