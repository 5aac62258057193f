/** The shapes of the API that risk pages look at, by short names. */
import type { components } from "../../../api/schema";

type Schemas = components["schemas"];

export type Action = Schemas["Action"];
export type KilledNode = Schemas["KilledNode"];
export type Lease = Schemas["LeaseView"];
export type Limit = Schemas["LimitView"];
export type LimitParameter = Schemas["LimitParameterView"];
export type LimitSetting = Schemas["LimitSetting"];
export type LimitType = Schemas["LimitTypeView"];
export type NodeState = Schemas["NodeState"];
export type Override = Schemas["OverrideView"];
export type Position = Schemas["Position"];
export type Reservation = Schemas["ReservationView"];
export type RiskTerms = Schemas["RiskTermsView"];
export type ScopeNode = Schemas["NodeView"];
export type Trade = Schemas["Trade"];
export type TreeNode = Schemas["LimitTreeNode"];
export type Person = Schemas["Person"];
export type LimitVersion = Schemas["LimitVersionView"];
export type LimitBreach = Schemas["LimitBreachView"];
export type NodeStateChange = Schemas["NodeStateChangeView"];
export type Breach = Schemas["BreachPage"]["items"][number];
export type TriedLimit = Schemas["TriedLimit"];
export type WhatIfDay = Schemas["WhatIfAnswer"];
export type JudgedOrder = Schemas["JudgedOrderView"];
export type RefusedOrder = Schemas["RefusedOrderView"];
export type Peak = Schemas["PeakView"];
export type AccountPnl = Schemas["WhatIfPnl"];
export type AccountPortfolio = Schemas["AccountPortfolio"];
