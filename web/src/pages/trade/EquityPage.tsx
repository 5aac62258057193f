import { NativeSelect, SegmentedControl, SimpleGrid, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../api/client";
import { usePlatform } from "../../platform";
import { shownAmount } from "../../ui/amounts";
import { PageFrame } from "../../ui/PageFrame";
import { Empty, Found } from "../../ui/states";
import { shownTime } from "../../ui/times";
import { useAddress } from "../../ui/useAddress";
import { type Curve, curveOf, RANGES, type RangeName, rangeOf } from "./equity/curve";
import { EquityChart } from "./equity/EquityChart";
import { Profit } from "./Profit";
import { cents, Figure } from "./positions/Worth";
import { useAccounts } from "./reads";

const MS_PER_H = 3_600_000;
const LOOK_EVERY_MS = 60_000; // As often as the platform notes it.

export default function EquityPage() {
  const accounts = useAccounts();
  const [wanted, setWanted] = useAddress("account", "");
  const [range, setRange] = useAddress("range", "1d");
  const name = rangeOf(range);
  return (
    <PageFrame
      title="Equity"
      actions={
        <SegmentedControl
          size="xs"
          aria-label="Range"
          value={name}
          onChange={setRange}
          data={Object.entries(RANGES).map(([value, { label }]) => ({ value, label }))}
        />
      }
    >
      <Found query={accounts}>
        {({ items }) => {
          const account = items.find((each) => each.account_id === wanted) ?? items[0];
          if (account === undefined) return <Empty>You see no account yet.</Empty>;
          return (
            <Stack>
              {items.length > 1 && (
                <NativeSelect
                  label="Account"
                  maw={280}
                  value={account.account_id}
                  onChange={(event) => setWanted(event.currentTarget.value)}
                  data={items.map((each) => ({ value: each.account_id, label: each.name }))}
                />
              )}
              <AccountCurve accountId={account.account_id} accountName={account.name} range={name} />
            </Stack>
          );
        }}
      </Found>
    </PageFrame>
  );
}

function AccountCurve({
  accountId,
  accountName,
  range,
}: {
  accountId: string;
  accountName: string;
  range: RangeName;
}) {
  const { api } = usePlatform();
  const { hours, interval } = RANGES[range];
  const history = useQuery({
    queryKey: ["portfolio", "history", accountId, range],
    queryFn: async () => {
      const since = new Date(Date.now() - hours * MS_PER_H).toISOString();
      const query = { account_id: accountId, since, interval };
      const found = await answerOf(api.GET("/portfolio/history", { params: { query } }));
      return { currency: found.currency, curve: curveOf(found.items) };
    },
    refetchInterval: LOOK_EVERY_MS,
  });
  return (
    <Found query={history}>
      {({ curve, currency }) =>
        curve === null ? (
          <Empty>
            Nothing was noted in this time. The platform notes what an account is worth once a minute.
          </Empty>
        ) : (
          <Stack>
            <Figures curve={curve} currency={currency} />
            <EquityChart
              points={curve.points}
              label={`Equity of ${accountName} from ${shownAmount(curve.points[0]?.equity ?? "")} to ${shownAmount(curve.last)} ${currency}`}
            />
            <Text size="xs" c="dimmed">
              Noted once a minute at the prices of then; minutes are kept for 7 days, hours for 2 years. First
              point {shownTime(curve.points[0]?.at ?? "")}. A deposit shows as a rise.
              {curve.points.some((point) => point.isStale) && " Some points were made with old prices."}
            </Text>
          </Stack>
        )
      }
    </Found>
  );
}

function Figures({ curve, currency }: { curve: Curve; currency: string }) {
  const percent = (pct: string | null) => (pct === null ? "" : ` (${shownAmount(pct)} %)`);
  return (
    <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="xs" component="dl" m={0} aria-label="Equity in figures">
      <Figure name="Equity" exact={curve.last}>
        {shownAmount(cents(curve.last))} {currency}
      </Figure>
      <Figure name="Change" exact={curve.change}>
        <Profit amount={cents(curve.change)} />
        {percent(curve.changePct)}
      </Figure>
      <Figure name="Largest drawdown" exact={curve.drawdownMax}>
        <Profit amount={cents(curve.drawdownMax)} />
        {percent(curve.drawdownMaxPct)}
      </Figure>
    </SimpleGrid>
  );
}
