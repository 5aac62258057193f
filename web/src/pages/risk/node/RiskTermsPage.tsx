import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { Found } from "../../../ui/states";
import { useMay } from "../../../ui/useMe";
import { termsBySymbol } from "../model/riskTerms";
import type { RiskTerms } from "../model/types";
import { Amount } from "../shared/Amount";
import { useInstruments } from "../shared/queries";
import { RiskFrame } from "../shared/RiskFrame";
import { RiskTermsDialog } from "./RiskTermsDialog";

/** What the firm says of each instrument: limits on volume, margin, concentration and value at risk go by it. */
export default function RiskTermsPage() {
  const { api } = usePlatform();
  const may = useMay();
  const terms = useQuery({
    queryKey: ["risk-terms"],
    queryFn: () => answerOf(api.GET("/limits/risk-terms")),
  });
  const instruments = useInstruments();
  const [changing, setChanging] = useState<RiskTerms | null>(null);
  const symbols = (instruments.data?.items ?? []).map((instrument) => instrument.symbol);
  const change = may("limits:manage")
    ? [
        {
          name: "Do",
          show: (of: RiskTerms) => (
            <Button
              size="compact-xs"
              variant="default"
              aria-label={`Set ${of.symbol}`}
              onClick={() => setChanging(of)}
            >
              Set
            </Button>
          ),
        },
      ]
    : [];
  return (
    <RiskFrame title="Risk terms">
      <Found query={terms}>
        {({ items }) => (
          <DataTable
            label="Risk terms"
            rows={termsBySymbol(symbols, items)}
            keyOf={(of) => of.symbol}
            empty="There are no instruments."
            columns={[
              { name: "Symbol", show: (of) => of.symbol },
              {
                name: "Average daily volume",
                isNumber: true,
                show: (of) => <Term amount={of.average_daily_qty} />,
              },
              { name: "Initial margin", isNumber: true, show: (of) => <Term amount={of.initial_margin} /> },
              {
                name: "Daily volatility",
                isNumber: true,
                show: (of) => <Term amount={of.daily_volatility} />,
              },
              { name: "Sector", show: (of) => of.sector ?? "not said" },
              { name: "As of", show: (of) => of.as_of ?? "" },
              ...change,
            ]}
          />
        )}
      </Found>
      {changing !== null && <RiskTermsDialog terms={changing} onClose={() => setChanging(null)} />}
    </RiskFrame>
  );
}

function Term({ amount }: { amount: string | null }) {
  return amount === null ? "not said" : <Amount amount={amount} />;
}
