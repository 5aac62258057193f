/** Web push on this device: what a browser can, and what it was told. */

/** `NOT_INSTALLED`: an iPhone or iPad, which tells of pushes to apps of its home screen alone. */
export type PushAbility = "CAN" | "BLOCKED" | "NOT_INSTALLED" | "CANNOT";

export interface BrowserTraits {
  readonly hasPush: boolean;
  readonly permission: NotificationPermission | null;
  readonly isIos: boolean;
  readonly isInstalled: boolean;
}

export function abilityOf({ hasPush, permission, isIos, isInstalled }: BrowserTraits): PushAbility {
  if (isIos && !isInstalled) return "NOT_INSTALLED";
  if (!hasPush || permission === null) return "CANNOT";
  return permission === "denied" ? "BLOCKED" : "CAN";
}

/** What people call it, such as `Firefox on Linux`. */
export function deviceName(userAgent: string): string {
  const browsers: readonly (readonly [RegExp, string])[] = [
    [/Edg(e|A|iOS)?\//, "Edge"],
    [/(Firefox|FxiOS)\//, "Firefox"],
    [/SamsungBrowser\//, "Samsung Internet"],
    [/(Chrome|CriOS)\//, "Chrome"],
    [/Safari\//, "Safari"],
  ];
  const systems: readonly (readonly [RegExp, string])[] = [
    [/iPhone/, "iPhone"],
    [/iPad/, "iPad"],
    [/Android/, "Android"],
    [/Windows/, "Windows"],
    [/Macintosh|Mac OS X/, "Mac"],
    [/Linux/, "Linux"],
  ];
  const named = (names: readonly (readonly [RegExp, string])[], otherwise: string) =>
    names.find(([pattern]) => pattern.test(userAgent))?.[1] ?? otherwise;
  return `${named(browsers, "A browser")} on ${named(systems, "a device")}`;
}

export function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((each) => each.toString(16).padStart(2, "0")).join("");
}
