import { Tabs } from "@mantine/core";
import { Found } from "../../../ui/states";
import { useAddress } from "../../../ui/useAddress";
import { useMay } from "../../../ui/useMe";
import { byDesk, byInstrument, desksIn, pnlByDesk } from "../model/exposures";
import { useLimitTree, usePortfolio } from "../shared/queries";
import { RiskFrame } from "../shared/RiskFrame";
import { ExposureSection } from "./ExposureSection";
import { PnlSection } from "./PnlSection";
import { VenueSection } from "./VenueSection";

/** Exposure by instrument, venue and desk, and profit and loss by desk: of the accounts that one may see. */
export default function ExposurePage() {
  const portfolio = usePortfolio();
  const tree = useLimitTree();
  const maySeeTree = useMay()("limits:read");
  const [tab, setTab] = useAddress("by", "instrument");
  const desks = desksIn(tree.data?.items ?? []);
  return (
    <RiskFrame title="Exposure" answeredAt={portfolio.dataUpdatedAt}>
      <Tabs value={tab} onChange={(value) => value !== null && setTab(value)} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="instrument">By instrument</Tabs.Tab>
          <Tabs.Tab value="venue">By venue</Tabs.Tab>
          {maySeeTree && <Tabs.Tab value="desk">By desk</Tabs.Tab>}
          {maySeeTree && <Tabs.Tab value="pnl">P&L by desk</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="instrument" pt="md">
          <Found query={portfolio}>
            {({ items }) => (
              <ExposureSection by="Instrument" rows={byInstrument(items.flatMap((of) => of.positions))} />
            )}
          </Found>
        </Tabs.Panel>
        <Tabs.Panel value="venue" pt="md">
          <VenueSection />
        </Tabs.Panel>
        <Tabs.Panel value="desk" pt="md">
          <Found query={portfolio}>
            {({ items }) => (
              <ExposureSection
                by="Desk"
                rows={byDesk(
                  items.flatMap((of) => of.positions),
                  desks,
                )}
              />
            )}
          </Found>
        </Tabs.Panel>
        <Tabs.Panel value="pnl" pt="md">
          <Found query={portfolio}>{({ items }) => <PnlSection rows={pnlByDesk(items, desks)} />}</Found>
        </Tabs.Panel>
      </Tabs>
    </RiskFrame>
  );
}
