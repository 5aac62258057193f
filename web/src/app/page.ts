import type { Icon } from "@tabler/icons-react";
import type { FunctionComponent } from "react";

/** One page: its address, its name in the menu, and the permission without which it would show nothing. */
export interface Page {
  /** With `$name` for a parameter, which the page reads with `useParams`. */
  readonly path: string;
  readonly name: string;
  readonly permission: string;
  /** Of a page that others lead to, as an order's: it is not in the menu. */
  readonly isHidden?: boolean;
  /** In the menu, and in the bar of a phone; `icons.ts` has those of the pages that name none. */
  readonly icon?: Icon;
  /** Its code is loaded when it is first looked at. */
  readonly load: () => Promise<{ default: FunctionComponent }>;
}
