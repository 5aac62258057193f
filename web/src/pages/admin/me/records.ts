/** Records of the audit trail, as people read them. */

const NS_PER_MS = 1_000_000;

/** Nanoseconds since 1970 as RFC 3339. JSON's numbers have them to about 0.3 µs, which is finer than what is shown. */
export function momentOfNs(nanoseconds: number): string {
  return new Date(Math.floor(nanoseconds / NS_PER_MS)).toISOString();
}

/** "identity.ApiKeyRotated.v1" as "Api key rotated". */
export function shownTopic(topic: string): string {
  const name = topic.split(".")[1] ?? topic;
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
