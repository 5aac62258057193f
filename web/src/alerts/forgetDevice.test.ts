import { describe, expect, it } from "vitest";
import { forgetDevice, type PushWorld } from "./forgetDevice";
import { sha256 } from "./push";

const HERE = "https://push.example.com/here";

/** A browser with a subscription, and a server that knows it and another one. */
async function world(given: Partial<PushWorld> = {}) {
  const unsubscribed: string[] = [];
  const removed: string[] = [];
  const devices = [
    { device_id: "other", endpoint_sha256: await sha256("https://push.example.com/other") },
    { device_id: "here", endpoint_sha256: await sha256(HERE) },
  ];
  const own: PushWorld = {
    subscription: async () => ({
      endpoint: HERE,
      unsubscribe: async () => {
        unsubscribed.push(HERE);
        return true;
      },
    }),
    devices: async () => devices,
    remove: async (deviceId) => void removed.push(deviceId),
    ...given,
  };
  return { own, unsubscribed, removed };
}

const refused = async () => {
  throw new Error("no");
};

describe("signing out", () => {
  it("ends the subscription of this browser, here and at the server, and no other", async () => {
    const { own, unsubscribed, removed } = await world();
    await forgetDevice(own);
    expect([unsubscribed, removed]).toEqual([[HERE], ["here"]]);
  });

  it("ends it here though the server does not answer", async () => {
    const { own, unsubscribed, removed } = await world({ devices: refused });
    await forgetDevice(own);
    expect([unsubscribed, removed]).toEqual([[HERE], []]);
  });

  it("ends it at the server though the browser will not", async () => {
    const subscription = async () => ({ endpoint: HERE, unsubscribe: refused });
    const { own, removed } = await world({ subscription });
    await forgetDevice(own);
    expect(removed).toEqual(["here"]);
  });

  it("asks nothing where the browser has none, or does not say", async () => {
    for (const subscription of [async () => null, refused]) {
      const { own, removed } = await world({ subscription });
      await forgetDevice(own);
      expect(removed).toEqual([]);
    }
  });
});
