/** Which symbols one watches, in one's own order; kept in this browser, as it is nobody's secret. */

const STORED = "breakwater.watch";
/** A connection to the engine has 100 subscriptions at most, and an account's are among them. */
export const WATCHED_MAX = 80;

/** What was kept, without what is no symbol any more; all of them where nothing was. */
export function readWatched(stored: string | null, symbols: readonly string[]): readonly string[] {
  const kept = parsed(stored);
  const watched = kept === null ? symbols : kept.filter((symbol) => symbols.includes(symbol));
  return [...new Set(watched)].slice(0, WATCHED_MAX);
}

/** One place up (-1) or down (1); as it is at either end. */
export function moved(watched: readonly string[], symbol: string, by: -1 | 1): readonly string[] {
  const from = watched.indexOf(symbol);
  const to = from + by;
  if (from < 0 || to < 0 || to >= watched.length) return watched;
  const without = watched.filter((each) => each !== symbol);
  return without.toSpliced(to, 0, symbol);
}

export function loadWatched(symbols: readonly string[]): readonly string[] {
  return readWatched(localStorage.getItem(STORED), symbols);
}

export function keepWatched(watched: readonly string[]): void {
  localStorage.setItem(STORED, JSON.stringify(watched));
}

function parsed(stored: string | null): readonly string[] | null {
  if (stored === null) return null;
  try {
    const found: unknown = JSON.parse(stored);
    return Array.isArray(found) ? found.filter((each) => typeof each === "string") : null;
  } catch {
    return null;
  }
}
