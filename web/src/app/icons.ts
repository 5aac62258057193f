/** The icons of the menu, for pages that do not name one themselves. */
import {
  type Icon,
  IconActivity,
  IconAlertTriangle,
  IconArrowsExchange,
  IconBell,
  IconBinaryTree2,
  IconBuilding,
  IconChartCandle,
  IconChartPie,
  IconCircleDot,
  IconHandStop,
  IconHeartbeat,
  IconHistory,
  IconKey,
  IconListDetails,
  IconStar,
  IconUserCircle,
  IconUsers,
  IconWallet,
  IconWebhook,
} from "@tabler/icons-react";
import type { Page } from "./page";

const ICONS: Readonly<Record<string, Icon>> = {
  watch: IconStar,
  trade: IconChartCandle,
  ticket: IconChartCandle,
  orders: IconListDetails,
  positions: IconWallet,
  executions: IconArrowsExchange,
  trades: IconArrowsExchange,
  alerts: IconBell,
  kill: IconHandStop,
  limits: IconBinaryTree2,
  tree: IconBinaryTree2,
  exposure: IconChartPie,
  breaches: IconAlertTriangle,
  health: IconHeartbeat,
  engine: IconActivity,
  audit: IconHistory,
  users: IconUsers,
  groups: IconUsers,
  organisations: IconBuilding,
  keys: IconKey,
  "api-keys": IconKey,
  webhooks: IconWebhook,
  me: IconUserCircle,
};

/** By the last word of its address, such as `users` of `/admin/users`. */
export function iconOf({ icon, path }: Pick<Page, "icon" | "path">): Icon {
  const word = path.split("/").findLast((part) => part !== "" && !part.startsWith("$"));
  return icon ?? ICONS[word ?? ""] ?? IconCircleDot;
}
