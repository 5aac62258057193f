/** The list with one of it a place earlier (-1) or later (1); at the ends it stays where it is. */
export function moved<Item>(list: readonly Item[], at: number, by: -1 | 1): Item[] {
  const item = list[at];
  const other = list[at + by];
  if (item === undefined || other === undefined) return [...list];
  return list.map((each, index) => (index === at ? other : index === at + by ? item : each));
}
