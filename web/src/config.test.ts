import { describe, expect, it } from "vitest";
import { readConfig } from "./config";

const TOLD = {
  api_url: "http://127.0.0.1:4500/a/",
  ws_url: "ws://127.0.0.1:4500/b",
  engine_url: "http://127.0.0.1:4502",
};

describe("the configuration", () => {
  it("has addresses without a slash at the end, so that paths can follow", () => {
    expect(readConfig(TOLD)).toEqual({
      apiUrl: "http://127.0.0.1:4500/a",
      notificationsUrl: "ws://127.0.0.1:4500/b",
      engineUrl: "http://127.0.0.1:4502",
      oidc: null,
    });
  });

  it("names an issuer as a whole or not at all", () => {
    const oidc = {
      authorization_url: "https://issuer.example/authorize",
      token_url: "https://issuer.example/token",
      client_id: "desk",
      scopes: "openid",
    };
    expect(readConfig({ ...TOLD, oidc }).oidc).toEqual({
      authorizationUrl: oidc.authorization_url,
      tokenUrl: oidc.token_url,
      clientId: "desk",
      scopes: "openid",
      endSessionUrl: null,
    });
    expect(() => readConfig({ ...TOLD, oidc: { ...oidc, client_id: "" } })).toThrow("oidc.client_id");
    expect(() => readConfig({ ...TOLD, oidc: { ...oidc, token_url: "javascript:1" } })).toThrow("token_url");
  });

  it.each([[null], ["text"], [{}], [{ ...TOLD, api_url: 5 }], [{ ...TOLD, api_url: "javascript:alert(1)" }]])(
    "that is not whole is refused: %j",
    (told) => {
      expect(() => readConfig(told)).toThrow("config.json has no address under api_url");
    },
  );
});
