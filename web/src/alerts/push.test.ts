import { describe, expect, it } from "vitest";
import { abilityOf, bytesOf, deviceName, sha256 } from "./push";

const PHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1";

describe("what a browser can", () => {
  const can = { hasPush: true, permission: "default", isIos: false, isInstalled: false } as const;
  it.each([
    [can, "CAN"],
    [{ ...can, permission: "granted" as const }, "CAN"],
    [{ ...can, permission: "denied" as const }, "BLOCKED"],
    [{ ...can, hasPush: false }, "CANNOT"],
    [{ ...can, permission: null }, "CANNOT"],
    [{ ...can, isIos: true, hasPush: false, permission: null }, "NOT_INSTALLED"],
    [{ ...can, isIos: true, isInstalled: true }, "CAN"],
  ])("%o: %s", (traits, ability) => {
    expect(abilityOf(traits)).toBe(ability);
  });
});

it.each([
  [PHONE, "Safari on iPhone"],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"],
  [
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
    "Chrome on Android",
  ],
  [
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
    "Edge on Windows",
  ],
  ["", "A browser on a device"],
])("names %s", (userAgent, name) => {
  expect(deviceName(userAgent)).toBe(name);
});

it("reads a key, and hashes an address as the server does", async () => {
  expect([...bytesOf("-_8A")]).toEqual([251, 255, 0]);
  expect(await sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
