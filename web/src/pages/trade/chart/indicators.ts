/**
 * Indicators of closes and bars, for drawing alone: numbers, one for each bar, null where there are too few before it.
 * An exponential average begins with the plain one of its first bars (as J. Welles Wilder's RSI does, 1978).
 */

export type Line = readonly (number | null)[];

export interface BarNumbers {
  readonly openMs: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

export function sma(values: readonly number[], length: number): Line {
  let sum = 0;
  return values.map((value, at) => {
    sum += value - (at >= length ? (values[at - length] ?? 0) : 0);
    return at >= length - 1 ? sum / length : null;
  });
}

export function ema(values: readonly number[], length: number): Line {
  return smoothed(values, length, 2 / (length + 1));
}

export interface Bands {
  readonly upper: Line;
  readonly middle: Line;
  readonly lower: Line;
}

/** The plain average, and two standard deviations of the population around it. */
export function bollinger(values: readonly number[], length = 20, deviations = 2): Bands {
  const middle = sma(values, length);
  const widths = middle.map((mean, at) => {
    if (mean === null) return null;
    const among = values.slice(at - length + 1, at + 1);
    return deviations * Math.sqrt(among.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length);
  });
  const moved = (sign: 1 | -1): Line =>
    middle.map((mean, at) => {
      const width = widths[at] ?? null;
      return mean === null || width === null ? null : mean + sign * width;
    });
  return { upper: moved(1), middle, lower: moved(-1) };
}

const DAY_MS = 86_400_000;

/** Of typical prices (high, low and close) weighted with volume, anew with each day in UTC. */
export function vwap(bars: readonly BarNumbers[]): Line {
  let day = Number.NaN;
  let notional = 0;
  let volume = 0;
  return bars.map((bar) => {
    const ofBar = Math.floor(bar.openMs / DAY_MS);
    if (ofBar !== day) {
      day = ofBar;
      notional = volume = 0;
    }
    notional += ((bar.high + bar.low + bar.close) / 3) * bar.volume;
    volume += bar.volume;
    return volume === 0 ? null : notional / volume;
  });
}

/** From 0 to 100, with Wilder's smoothing; 50 where nothing moved. */
export function rsi(closes: readonly number[], length = 14): Line {
  const moves = closes.slice(1).map((close, at) => close - (closes[at] ?? close));
  const gains = smoothed(
    moves.map((move) => Math.max(move, 0)),
    length,
    1 / length,
  );
  const losses = smoothed(
    moves.map((move) => Math.max(-move, 0)),
    length,
    1 / length,
  );
  const line = gains.map((gain, at) => {
    const loss = losses[at] ?? null;
    if (gain === null || loss === null) return null;
    return gain + loss === 0 ? 50 : (100 * gain) / (gain + loss);
  });
  return closes.length === 0 ? [] : [null, ...line];
}

export interface Macd {
  readonly macd: Line;
  readonly signal: Line;
  readonly histogram: Line;
}

export function macd(closes: readonly number[], fast = 12, slow = 26, signalLength = 9): Macd {
  const quick = ema(closes, fast);
  const slowly = ema(closes, slow);
  const difference = quick.map((value, at) => minus(value, slowly[at] ?? null));
  const first = difference.findIndex((value) => value !== null);
  const known = difference.filter((value): value is number => value !== null);
  const signal: Line =
    first < 0 ? difference : [...Array<null>(first).fill(null), ...ema(known, signalLength)];
  return {
    macd: difference,
    signal,
    histogram: difference.map((value, at) => minus(value, signal[at] ?? null)),
  };
}

function minus(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one - other;
}

function smoothed(values: readonly number[], length: number, weight: number): Line {
  const start = sma(values.slice(0, length), length).at(-1) ?? null;
  let before = start;
  return values.map((value, at) => {
    if (at < length - 1 || before === null) return null;
    if (at >= length) before += weight * (value - before);
    return before;
  });
}
