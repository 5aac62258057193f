import type { components } from "../../../api/schema";

type NewAccount = components["schemas"]["NewAccount"];

export interface Balance {
  readonly id: number;
  readonly asset: string;
  readonly amount: string;
}

export interface AccountForm {
  readonly name: string;
  readonly parentId: string | null;
  readonly kind: "PAPER" | "LIVE";
  readonly baseCurrency: string;
  readonly balances: readonly Balance[];
}

export const NEW_ACCOUNT: AccountForm = {
  name: "",
  parentId: null,
  kind: "PAPER",
  baseCurrency: "USDT",
  balances: [{ id: 0, asset: "USDT", amount: "100000" }],
};

/** What is wrong with the balances before they are sent, or null: the server would see one asset of two alone. */
export function balancesProblem(form: AccountForm): string | null {
  if (form.kind === "LIVE") return null;
  const assets = filled(form.balances).map((each) => each.asset);
  const doubled = assets.find((asset, at) => assets.indexOf(asset) !== at);
  if (doubled !== undefined) return `${doubled} stands there twice`;
  const unreadable = filled(form.balances).find((each) => !/^\d+(\.\d+)?$/.test(each.amount));
  return unreadable === undefined ? null : `${unreadable.asset} needs an amount such as 1000.50`;
}

/** Amounts stay the text that was typed. A live account has what its venue says. */
export function accountRequest(form: AccountForm): NewAccount {
  const balances = form.kind === "LIVE" ? [] : filled(form.balances);
  return {
    parent_id: form.parentId ?? "",
    name: form.name.trim(),
    kind: form.kind,
    base_currency: form.baseCurrency.trim().toUpperCase(),
    balances: Object.fromEntries(balances.map((each) => [each.asset, each.amount])),
  };
}

function filled(balances: readonly Balance[]): readonly Balance[] {
  return balances
    .map((each) => ({ ...each, asset: each.asset.trim().toUpperCase(), amount: each.amount.trim() }))
    .filter((each) => each.asset !== "");
}
