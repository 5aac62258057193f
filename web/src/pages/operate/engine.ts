import type { components } from "../../api/schema";

type Shard = components["schemas"]["EngineShard"];

export interface Holder {
  /** Null: nobody. */
  readonly holder: string | null;
  readonly shards: number;
}

/** How many shards each engine holds; nobody's come first, because no order of theirs is taken. */
export function holdersOf(shards: readonly Pick<Shard, "holder">[]): readonly Holder[] {
  const counts = new Map<string | null, number>();
  for (const { holder } of shards) counts.set(holder, (counts.get(holder) ?? 0) + 1);
  return [...counts]
    .map(([holder, count]) => ({ holder, shards: count }))
    .toSorted((one, other) => (one.holder ?? "").localeCompare(other.holder ?? ""));
}

/** "commit latency 30.652 ms, inbox depth 0": the unit that a name ends with stands behind its figure. */
export function detailOf(detail: Readonly<Record<string, string>>): string {
  return Object.entries(detail)
    .map(([name, value]) => {
      const [, plain = name, unit] = /^(.*?)(?:_(ms|s))?$/.exec(name) ?? [];
      return `${plain.replaceAll("_", " ")} ${value}${unit === undefined ? "" : ` ${unit}`}`;
    })
    .join(", ");
}
