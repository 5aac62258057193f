/** The API, called as a user of the demo firm: to make what a page is to show. */
import createClient, { type Client } from "openapi-fetch";
import { inject } from "vitest";
import type { paths } from "../../src/api/schema";

const ANSWER_TIMEOUT_MS = 35_000;
const ATTEMPTS_MAX = 4;

/** Of somebody who has just signed in. */
export async function tokensOf(username: string) {
  const { api_url: baseUrl, users } = inject("endpoints");
  const user = users.find((each) => each.username === username);
  const open = createClient<paths>({ baseUrl });
  const { data, error } = await open.POST("/auth/sign-in", {
    body: { username, password: user?.password ?? "" },
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  if (data === undefined) throw new Error(`${username} cannot sign in: ${JSON.stringify(error)}`);
  return data;
}

export async function apiOf(username: string): Promise<Client<paths>> {
  const { access_token } = await tokensOf(username);
  const headers = { Authorization: `Bearer ${access_token}` };
  return createClient<paths>({ baseUrl: inject("endpoints").api_url, headers });
}

/** One hundredth of an ETH; the order's id. What was not taken is sent again under its id, as it says. */
export async function placeOrder(
  username: string,
  terms: { type: "LIMIT" | "MARKET"; price: string | null; quantity?: string },
): Promise<string> {
  const api = await apiOf(username);
  const { data: me } = await api.GET("/me");
  const body = {
    account_id: me?.account_ids[0] ?? "",
    client_order_id: crypto.randomUUID(),
    symbol: "ETH/USDT",
    side: "BUY",
    quantity: "0.01",
    post_only: false,
    reduce_only: false,
    venue: "SIM",
    located: false,
    ...terms,
  } as const;
  for (let attempt = 1; ; attempt += 1) {
    const { data, error, response } = await api.POST("/orders", { body });
    if (data !== undefined) return data.order_id;
    if (response.status < 500 || attempt === ATTEMPTS_MAX) {
      throw new Error(`${username} cannot place an order: ${JSON.stringify(error)}`);
    }
  }
}
