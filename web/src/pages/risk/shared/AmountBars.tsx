import {
  Bar,
  BarChart,
  CartesianGrid,
  Legend,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from "recharts";
import { shownAmount } from "../../../ui/amounts";
import { forDrawing, roundedForEye } from "../model/exact";

export interface BarRow {
  readonly name: string;
  /** By the name of the series; null where it is not known. */
  readonly amounts: Readonly<Record<string, string | null>>;
}

const ROW_PX = 46;
const AROUND_PX = 70;
const NAME_WIDTH_PX = 120;
const COLOURS = ["var(--mantine-color-blue-6)", "var(--mantine-color-orange-6)"];
const TEXT = { fill: "var(--mantine-color-text)", fontSize: 12 };
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** Amounts as lying bars. A picture of a table that stands beside it: it is never the only form. */
export function AmountBars({
  label,
  unit,
  series,
  rows,
}: {
  label: string;
  unit: string;
  series: readonly string[];
  rows: readonly BarRow[];
}) {
  const drawn = rows.map((row) => ({
    name: row.name,
    ...Object.fromEntries(series.map((each) => [each, forDrawing(row.amounts[each] ?? null)])),
  }));
  const exact = (name: unknown, of: unknown): string => {
    const amount = rows.find((row) => row.name === name)?.amounts[String(of)] ?? null;
    return amount === null ? "unknown" : `${shownAmount(roundedForEye(amount))} ${unit}`;
  };
  return (
    <div role="img" aria-label={`${label}; the table below says the same`}>
      <ResponsiveContainer width="100%" height={rows.length * ROW_PX + AROUND_PX}>
        <BarChart
          data={drawn}
          layout="vertical"
          margin={{ left: 8, right: 24, top: 4, bottom: 4 }}
          accessibilityLayer={false}
        >
          <CartesianGrid horizontal={false} stroke="var(--mantine-color-default-border)" />
          <XAxis type="number" tick={TEXT} tickFormatter={(value) => COMPACT.format(Number(value))} />
          <YAxis type="category" dataKey="name" width={NAME_WIDTH_PX} tick={TEXT} />
          <ReferenceLine x={0} stroke="var(--mantine-color-text)" />
          <Tooltip
            cursor={{ fill: "var(--mantine-color-default-hover)" }}
            contentStyle={{
              background: "var(--mantine-color-body)",
              border: "1px solid var(--mantine-color-default-border)",
              color: "var(--mantine-color-text)",
            }}
            itemStyle={{ color: "var(--mantine-color-text)" }}
            formatter={(_value, name, item) => [exact(item.payload?.name, name), name]}
          />
          {series.length > 1 && (
            <Legend
              formatter={(name) => <span style={{ color: "var(--mantine-color-text)" }}>{name}</span>}
            />
          )}
          {series.map((each, index) => (
            <Bar
              key={each}
              dataKey={each}
              fill={COLOURS[index % COLOURS.length] ?? "currentColor"}
              isAnimationActive={false}
              maxBarSize={18}
            />
          ))}
        </BarChart>
      </ResponsiveContainer>
    </div>
  );
}
