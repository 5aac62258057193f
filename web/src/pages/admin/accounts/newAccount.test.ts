import { describe, expect, it } from "vitest";
import { accountRequest, balancesProblem, NEW_ACCOUNT } from "./newAccount";

const form = {
  ...NEW_ACCOUNT,
  name: " dora paper ",
  parentId: "desk",
  balances: [
    { id: 0, asset: "usdt", amount: "123456789012345678.000000000000000001" },
    { id: 1, asset: "BTC ", amount: " 2" },
    { id: 2, asset: "", amount: "7" },
  ],
};

describe("a new account", () => {
  it("begins with its balances, every digit as it was typed", () => {
    expect(accountRequest(form)).toEqual({
      parent_id: "desk",
      name: "dora paper",
      kind: "PAPER",
      base_currency: "USDT",
      balances: { USDT: "123456789012345678.000000000000000001", BTC: "2" },
    });
  });

  it("that is live has none", () => {
    expect(accountRequest({ ...form, kind: "LIVE" }).balances).toEqual({});
    expect(
      balancesProblem({ ...form, kind: "LIVE", balances: [{ id: 0, asset: "BTC", amount: "x" }] }),
    ).toBeNull();
  });

  it("has each asset once, with an amount", () => {
    expect(balancesProblem(form)).toBeNull();
    expect(
      balancesProblem({ ...form, balances: [...form.balances, { id: 3, asset: "btc", amount: "1" }] }),
    ).toBe("BTC stands there twice");
    expect(balancesProblem({ ...form, balances: [{ id: 0, asset: "BTC", amount: "1e3" }] })).toMatch(
      /^BTC needs/,
    );
  });
});
