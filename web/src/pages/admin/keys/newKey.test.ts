import { describe, expect, it } from "vitest";
import { clientRequest, keyRequest, NEW_CLIENT, NEW_KEY, standingOf } from "./newKey";

describe("a new key", () => {
  const typed = {
    ...NEW_KEY,
    name: " my-bot ",
    scopes: ["trade", "read"],
    networks: "203.0.113.0/24\n 203.0.113.0/24, 198.51.100.7",
    publicKey: "  -----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----  ",
  };

  it("is narrowed by what was typed, each network once", () => {
    expect(keyRequest(typed)).toEqual({
      name: "my-bot",
      scopes: ["read", "trade"],
      ip_allow: ["203.0.113.0/24", "198.51.100.7"],
      expires_at: null,
      account_id: null,
      public_key: null,
      requests_per_minute_max: null,
    });
  });

  it("with a secret has no public key, whatever was typed before", () => {
    expect(keyRequest({ ...typed, way: "HMAC" }).public_key).toBeNull();
    expect(keyRequest({ ...typed, way: "ED25519" }).public_key).toBe(
      "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----\n",
    );
  });

  it("expires at the moment that is meant by the browser's clock", () => {
    expect(keyRequest({ ...typed, expires: "2027-01-01T00:00" }).expires_at).toBe(
      new Date(2027, 0, 1).toISOString(),
    );
  });
});

it("a new client narrows a user", () => {
  expect(clientRequest({ ...NEW_CLIENT, name: "reports", userId: "u", requestsPerMinute: 60 })).toMatchObject(
    {
      user_id: "u",
      name: "reports",
      requests_per_minute_max: 60,
    },
  );
});

describe("a key's standing", () => {
  const now = new Date("2026-12-01T12:00:00Z");
  const key = { revoked_at: null, expires_at: null, replaced_by: null };
  it.each([
    [key, "WORKS"],
    [{ ...key, expires_at: "2026-12-01T12:00:01Z" }, "WORKS"],
    [{ ...key, expires_at: "2026-12-01T12:00:00Z" }, "EXPIRED"],
    [{ ...key, replaced_by: "other", expires_at: "2026-12-02T12:00:00Z" }, "ENDS"],
    [{ ...key, replaced_by: "other", expires_at: "2026-12-01T11:00:00Z" }, "EXPIRED"],
    [{ ...key, revoked_at: "2026-12-01T11:00:00Z", expires_at: "2026-12-01T11:30:00Z" }, "REVOKED"],
  ] as const)("%o is %s", (found, standing) => {
    expect(standingOf(found, now)).toBe(standing);
  });
});
