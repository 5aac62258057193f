/** Stands in for the list of open orders of a symbol. */
export function OpenOrders(_: { symbol?: string }) {
  return null;
}
