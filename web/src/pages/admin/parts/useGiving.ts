import type { QueryKey } from "@tanstack/react-query";
import { type Action, useAction } from "../../../ui/useAction";

/** One thing, by its id, is given to somebody or something, or taken away again. */
export interface Giving {
  readonly give: Action<string>;
  readonly take: Action<string>;
}

/** `changes`: what is to be read again after either. */
export function useGiving(
  give: (id: string) => Promise<unknown>,
  take: (id: string) => Promise<unknown>,
  changes: readonly QueryKey[],
): Giving {
  return { give: useAction(give, { changes }), take: useAction(take, { changes }) };
}
