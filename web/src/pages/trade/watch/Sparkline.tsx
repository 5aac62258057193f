import { useQuery } from "@tanstack/react-query";
import { usePlatform } from "../../../platform";
import { fetchBars } from "../chart/history";

const WIDTH = 96;
const HEIGHT = 24;
const MINUTES = 60;
const LOOK_EVERY_MS = 60_000;

/** The closes of the last hour, minute by minute. */
export function Sparkline({ symbol }: { symbol: string }) {
  const { engineUrl } = usePlatform();
  const bars = useQuery({
    queryKey: ["sparkline", symbol],
    queryFn: () => fetchBars(engineUrl, symbol, "1m", MINUTES),
    refetchInterval: LOOK_EVERY_MS,
    staleTime: LOOK_EVERY_MS,
  });
  const closes = (bars.data ?? []).map((bar) => Number(bar.close)); // For its pixels alone.
  const isUp = (closes.at(-1) ?? 0) >= (closes[0] ?? 0);
  return (
    <svg width={WIDTH} height={HEIGHT} role="img" aria-label={`${symbol} in the last hour`}>
      {closes.length > 1 && (
        <polyline
          points={pointsOf(closes)}
          fill="none"
          stroke={isUp ? "var(--mantine-color-teal-6)" : "var(--mantine-color-red-6)"}
          strokeWidth={1.5}
        />
      )}
    </svg>
  );
}

function pointsOf(closes: readonly number[]): string {
  const low = Math.min(...closes);
  const span = Math.max(...closes) - low || 1;
  return closes
    .map((close, at) => {
      const x = (at / (closes.length - 1)) * WIDTH;
      const y = HEIGHT - 2 - ((close - low) / span) * (HEIGHT - 4);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}
