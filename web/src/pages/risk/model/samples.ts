/** Limits and nodes for tests, of which a test says only what it is about. */
import type { Lease, Limit, LimitType, TreeNode } from "./types";

export function limitOf(told: Partial<Limit>): Limit {
  return {
    limit_id: "l",
    node_id: "n",
    limit_type: "LONG_POSITION",
    instrument: "*",
    value: "100",
    set_value: "100",
    parameters: {},
    set_parameters: {},
    currency: "USDT",
    action: "REJECT",
    thresholds_pct: [70, 90],
    valid_from: null,
    valid_until: null,
    version: 1,
    override_id: null,
    stricter_above: null,
    allowed: "100",
    used: "0",
    reserved: "0",
    usage_pct: "0",
    missing: null,
    ...told,
  };
}

export function nodeOf(told: Partial<TreeNode> & { node_id: string }): TreeNode {
  return {
    parent_id: null,
    name: told.node_id,
    kind: "DESK",
    account_id: null,
    state: "ACTIVE",
    state_reason: null,
    time_zone: "UTC",
    session_start: "00:00",
    session_day: "2026-11-30",
    limits: [],
    children: [],
    ...told,
  };
}

export function leaseOf(told: Partial<Lease>): Lease {
  return {
    lease_id: "e",
    account_id: "acc",
    symbol: "ETH/USDT",
    venue: "BOOK",
    strategy_id: null,
    api_key_id: null,
    state: "ACTIVE",
    state_reason: "",
    changed_by: "risk",
    buy_max: "80",
    sell_max: "80",
    orders_max: 10,
    buy_free: "10",
    sell_free: "4",
    buy_taken: "0",
    sell_taken: "0",
    live_orders: 2,
    price_low: "2000",
    price_high: "3000",
    valuation_price: "2800.5",
    version: 1,
    is_answered: true,
    expires_at: null,
    ...told,
  };
}

export function typeOf(told: Partial<LimitType>): LimitType {
  return {
    number: 17,
    limit_type: "LONG_POSITION",
    unit: "base units, in each symbol",
    about: "F + B + quantity of a buy",
    action: "REJECT",
    node_kinds: [],
    parameters: [],
    is_built_in: false,
    ...told,
  };
}
