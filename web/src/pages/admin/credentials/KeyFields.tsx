import { PasswordInput } from "@mantine/core";

export interface KeyPair {
  readonly apiKey: string;
  readonly secret: string;
}

/** A key at an exchange and its secret: hidden while they are typed, and kept by no browser. */
export function KeyFields({
  pair,
  set,
  errors,
}: {
  pair: KeyPair;
  set: (part: Partial<KeyPair>) => void;
  errors: Readonly<Record<string, string>>;
}) {
  return (
    <>
      <PasswordInput
        label="Key"
        required
        autoComplete="off"
        spellCheck={false}
        maxLength={4096}
        value={pair.apiKey}
        error={errors.api_key}
        onChange={(event) => set({ apiKey: event.currentTarget.value })}
      />
      <PasswordInput
        label="Secret"
        description="Sealed when it arrives. Nobody sees it again."
        required
        autoComplete="off"
        spellCheck={false}
        maxLength={4096}
        value={pair.secret}
        error={errors.secret}
        onChange={(event) => set({ secret: event.currentTarget.value })}
      />
    </>
  );
}
