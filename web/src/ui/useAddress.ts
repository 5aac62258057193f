import { useNavigate, useSearch } from "@tanstack/react-router";

/**
 * A choice that the address keeps, as `?symbol=ETH%2FUSDT`: a link leads to what its sender saw, and back goes back.
 *
 * Returns the value, `initial` where the address has none, and how to choose another.
 */
export function useAddress(name: string, initial: string): readonly [string, (value: string) => void] {
  const found = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const value = found[name];
  const choose = (chosen: string) =>
    void navigate({
      to: ".",
      search: (before: Record<string, unknown>) => ({
        ...before,
        [name]: chosen === initial ? undefined : chosen,
      }),
      replace: true,
    } as never);
  return [typeof value === "string" || typeof value === "number" ? String(value) : initial, choose];
}
