import { Group, SegmentedControl, Stack } from "@mantine/core";
import { lazy, Suspense } from "react";
import { Empty, Found, Loading } from "../../../ui/states";
import { useAddress } from "../../../ui/useAddress";
import type { LimitsShown } from "../model/limitTree";
import { useLeases, useLimitTree, useLimitTypes } from "../shared/queries";
import { RiskFrame } from "../shared/RiskFrame";
import { UseLegend } from "../shared/UseBar";
import { LimitTreeGrid } from "./LimitTreeGrid";

// The map alone needs the charts: the tree is on the screen before they are loaded.
const LimitTreeMap = lazy(() => import("./LimitTreeMap"));

const SHOWN: readonly LimitsShown[] = ["measured", "all", "none"];

/** The scope tree with what is used, reserved and leased of each limit, as a tree or as a map. */
export default function LimitsPage() {
  const tree = useLimitTree();
  const leases = useLeases();
  const types = useLimitTypes();
  const [view, setView] = useAddress("view", "tree");
  const [wanted, setShown] = useAddress("limits", "measured");
  const shown = SHOWN.find((each) => each === wanted) ?? "measured";
  return (
    <RiskFrame title="Limits" answeredAt={tree.dataUpdatedAt}>
      <Group justify="space-between">
        <Group gap="sm">
          <SegmentedControl
            aria-label="View"
            value={view === "map" ? "map" : "tree"}
            onChange={setView}
            data={[
              { value: "tree", label: "Tree" },
              { value: "map", label: "Map" },
            ]}
          />
          {view !== "map" && (
            <SegmentedControl
              aria-label="Limits shown"
              value={shown}
              onChange={setShown}
              data={[
                { value: "measured", label: "With a use" },
                { value: "all", label: "All limits" },
                { value: "none", label: "Nodes alone" },
              ]}
            />
          )}
        </Group>
        <UseLegend />
      </Group>
      <Found query={tree}>
        {({ items }) => {
          if (items.length === 0) return <Empty>You see no part of the tree.</Empty>;
          return view === "map" ? (
            <Suspense fallback={<Loading />}>
              <LimitTreeMap roots={items} />
            </Suspense>
          ) : (
            <Stack>
              <LimitTreeGrid
                roots={items}
                leases={leases.data?.items ?? []}
                types={types.data?.items ?? []}
                shown={shown}
              />
            </Stack>
          );
        }}
      </Found>
    </RiskFrame>
  );
}
