import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../api/client";
import { usePlatform } from "../platform";
import { type Action, useAction } from "../ui/useAction";
import { abilityOf, bytesOf, deviceName, type PushAbility, sha256 } from "./push";

interface Here {
  readonly ability: PushAbility;
  /** Of this browser's subscription; null where it has none. */
  readonly endpointSha256: string | null;
}

async function registration(): Promise<ServiceWorkerRegistration | undefined> {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined; // None without https.
  return workers?.getRegistration();
}

async function lookHere(): Promise<Here> {
  const worker = await registration();
  const ability = abilityOf({
    hasPush: worker !== undefined && "PushManager" in window,
    permission: "Notification" in window ? Notification.permission : null,
    isIos: /iPhone|iPad/.test(navigator.userAgent),
    isInstalled: window.matchMedia("(display-mode: standalone)").matches,
  });
  const subscription = ability === "CAN" ? await worker?.pushManager.getSubscription() : null;
  return { ability, endpointSha256: subscription ? await sha256(subscription.endpoint) : null };
}

async function subscribe(publicKey: string): Promise<PushSubscription> {
  if ((await Notification.requestPermission()) !== "granted") {
    throw new Error("The browser was not allowed to show notifications.");
  }
  const worker = await registration();
  if (worker === undefined) throw new Error("The browser has not kept the app yet: reload, and try again.");
  const terms = { userVisibleOnly: true, applicationServerKey: bytesOf(publicKey) };
  // Of another key than that of now, as after the platform was built anew: it reaches nobody.
  await (await worker.pushManager.getSubscription())?.unsubscribe();
  try {
    return await worker.pushManager.subscribe(terms);
  } catch (error) {
    const why = error instanceof Error ? ` It said: ${error.message}` : "";
    throw new Error(`The browser did not reach its push service.${why}`);
  }
}

export interface PushDevice {
  readonly device_id: string;
  readonly name: string;
  readonly created_at: string;
  readonly isThis: boolean;
}

/** By which browsers this person is told, whether by this one, and how to change it. */
export function usePush() {
  const { api } = usePlatform();
  const here = useQuery({ queryKey: ["push", "here"], queryFn: lookHere });
  const known = useQuery({
    queryKey: ["push", "devices"],
    queryFn: () => answerOf(api.GET("/contacts/me/push")),
  });
  const changes = [["push"]];
  const enable: Action<undefined> = useAction(
    async () => {
      if (known.data === undefined) throw new Error("The platform has not told its key yet: try again.");
      const { endpoint, keys } = (await subscribe(known.data.public_key)).toJSON();
      return answerOf(
        api.POST("/contacts/me/push", {
          body: {
            endpoint: endpoint ?? "",
            keys: { p256dh: keys?.p256dh ?? "", auth: keys?.auth ?? "" },
            name: deviceName(navigator.userAgent),
          },
        }),
      );
    },
    { changes },
  );
  const remove: Action<PushDevice> = useAction(
    async (device: PushDevice) => {
      await answerOf(
        api.DELETE("/contacts/me/push/{device_id}", { params: { path: { device_id: device.device_id } } }),
      );
      if (device.isThis) await (await (await registration())?.pushManager.getSubscription())?.unsubscribe();
    },
    { changes },
  );
  const devices = known.data?.devices.map(({ endpoint_sha256, ...device }) => ({
    ...device,
    isThis: endpoint_sha256 === here.data?.endpointSha256,
  }));
  return { ability: here.data?.ability, devices, error: known.error ?? here.error, enable, remove };
}
