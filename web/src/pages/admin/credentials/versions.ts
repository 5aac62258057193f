import type { components } from "../../../api/schema";

export type Version = components["schemas"]["ExchangeCredential"];

export interface Credential {
  readonly newest: Version;
  /** Versions before it that still work, the newest first. */
  readonly older: readonly Version[];
}

/** The list has a row for each version that works: one line for each credential, with its newest version. */
export function credentialsOf(versions: readonly Version[]): Credential[] {
  const found = new Map<string, Version[]>();
  for (const version of versions) {
    const others = found.get(version.credential_id) ?? [];
    found.set(
      version.credential_id,
      [...others, version].sort((one, other) => other.version - one.version),
    );
  }
  return [...found.values()].flatMap(([newest, ...older]) =>
    newest === undefined ? [] : [{ newest, older }],
  );
}
