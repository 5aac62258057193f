import { describe, expect, it } from "vitest";
import { OidcSignIn } from "./oidc";

const CONFIG = {
  authorizationUrl: "https://issuer.example/authorize",
  tokenUrl: "https://issuer.example/token",
  clientId: "desk",
  scopes: "openid profile",
  endSessionUrl: "https://issuer.example/logout",
};

/** A browser's tab, and an issuer that answers what it is told to. */
class Tab {
  readonly stored = new Map<string, string>();
  readonly asked: URLSearchParams[] = [];
  answer: () => Response = () => Response.error();
  readonly signIn = new OidcSignIn(CONFIG, {
    origin: "https://desk.example",
    storage: {
      getItem: (name) => this.stored.get(name) ?? null,
      setItem: (name, value) => void this.stored.set(name, value),
      removeItem: (name) => void this.stored.delete(name),
    },
    fetch: async (url, init) => {
      expect(url).toBe(CONFIG.tokenUrl);
      this.asked.push(init.body as URLSearchParams);
      return this.answer();
    },
  });

  async begins(wanted = "/orders?open=1"): Promise<URLSearchParams> {
    return new URL(await this.signIn.begin(wanted)).searchParams;
  }

  answersFor(nonce: string | null): void {
    const idToken = ["e30", btoa(JSON.stringify({ nonce })), "signature"].join(".");
    this.answer = () =>
      Response.json({ access_token: "a", refresh_token: "r", id_token: idToken, expires_in: 3600 });
  }
}

const sent = (state: string | null, more: Record<string, string> = { code: "c" }) =>
  new URLSearchParams({ state: state ?? "", ...more });

describe("a sign-in at an issuer", () => {
  it("asks for a code with a challenge, and keeps the verifier to itself", async () => {
    const tab = new Tab();
    const asked = await tab.begins();
    expect(asked.get("response_type")).toBe("code");
    expect(asked.get("redirect_uri")).toBe("https://desk.example/signed-in");
    expect(asked.get("code_challenge_method")).toBe("S256");
    const { verifier } = JSON.parse([...tab.stored.values()][0] ?? "{}") as { verifier: string };
    expect(verifier.length).toBeGreaterThanOrEqual(43);
    expect(asked.toString()).not.toContain(verifier);
  });

  it("proves with the verifier that the code is its own, and leads to the page that was wanted", async () => {
    const tab = new Tab();
    const asked = await tab.begins();
    tab.answersFor(asked.get("nonce"));
    const { tokens, wanted } = await tab.signIn.finish(sent(asked.get("state")));
    expect([tokens.access_token, tokens.refresh_token, wanted]).toEqual(["a", "r", "/orders?open=1"]);
    const verifier = tab.asked[0]?.get("code_verifier") ?? "";
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    const challenge = btoa(String.fromCharCode(...new Uint8Array(digest)));
    expect(asked.get("code_challenge")).toBe(
      challenge.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""),
    );
    expect(tab.stored.size).toBe(0);
  });

  it("does not take a code that comes with another state, and asks for no token", async () => {
    const tab = new Tab();
    const asked = await tab.begins();
    tab.answersFor(asked.get("nonce"));
    await expect(tab.signIn.finish(sent("guessed"))).rejects.toThrow("not begun in this tab");
    expect(tab.asked).toEqual([]);
  });

  it("is good once", async () => {
    const tab = new Tab();
    const asked = await tab.begins();
    tab.answersFor(asked.get("nonce"));
    await tab.signIn.finish(sent(asked.get("state")));
    await expect(tab.signIn.finish(sent(asked.get("state")))).rejects.toThrow("not begun in this tab");
  });

  it.each([["another"], [null]])("does not take tokens of another sign-in (nonce %s)", async (nonce) => {
    const tab = new Tab();
    const asked = await tab.begins();
    tab.answersFor(nonce);
    await expect(tab.signIn.finish(sent(asked.get("state")))).rejects.toThrow("another sign-in");
  });

  it("that the issuer refuses says why", async () => {
    const tab = new Tab();
    const asked = await tab.begins();
    const refused = sent(asked.get("state"), { error: "access_denied", error_description: "not for you" });
    expect(await tab.signIn.tryToFinish(refused)).toBeNull();
    expect(tab.signIn.refusal).toContain("not for you");
  });

  it("is refreshed, with the same refresh token where no other is given", async () => {
    const tab = new Tab();
    tab.answer = () => Response.json({ access_token: "b", expires_in: 3600 });
    const refreshed = await tab.signIn.refresh("r");
    expect(refreshed).toMatchObject({ kind: "TOKENS", tokens: { access_token: "b", refresh_token: "r" } });
  });

  it.each([
    [400, "ENDED"],
    [503, "UNREACHABLE"],
  ])("ends at %i only if that is a no", async (status, kind) => {
    const tab = new Tab();
    tab.answer = () => new Response("{}", { status });
    expect(await tab.signIn.refresh("r")).toEqual({ kind });
  });

  it("is ended at the issuer, too", () => {
    expect(new Tab().signIn.endUrl()).toContain("logout_uri=https%3A%2F%2Fdesk.example%2F");
  });
});
