/** Signing out ends what is pushed to this device: the next person at it reads nothing of this one's alerts. */
import { type Api, answerOf } from "../api/client";
import { sha256 } from "./push";

/** Of the browser and the server; tests bring their own. */
export interface PushWorld {
  /** This browser's; null where it has none. */
  readonly subscription: () => Promise<Pick<PushSubscription, "endpoint" | "unsubscribe"> | null>;
  readonly devices: () => Promise<
    readonly { readonly device_id: string; readonly endpoint_sha256: string }[]
  >;
  readonly remove: (deviceId: string) => Promise<unknown>;
}

/** Either end alone ends it, so neither waits for the other. Never rejects: one signs out whatever comes of it. */
export async function forgetDevice(world: PushWorld): Promise<void> {
  const subscription = await world.subscription().catch(() => null);
  if (subscription === null) return;
  const { endpoint } = subscription;
  await Promise.allSettled([subscription.unsubscribe(), removeAtServer(world, endpoint)]);
}

async function removeAtServer(world: PushWorld, endpoint: string): Promise<void> {
  const hash = await sha256(endpoint);
  const device = (await world.devices()).find((each) => each.endpoint_sha256 === hash);
  if (device !== undefined) await world.remove(device.device_id);
}

export function pushWorld(api: Api): PushWorld {
  return {
    subscription: async () => {
      const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined; // None without https.
      const worker = await workers?.getRegistration();
      return (await worker?.pushManager?.getSubscription()) ?? null;
    },
    devices: async () => (await answerOf(api.GET("/contacts/me/push"))).devices,
    remove: (device_id) =>
      answerOf(api.DELETE("/contacts/me/push/{device_id}", { params: { path: { device_id } } })),
  };
}
