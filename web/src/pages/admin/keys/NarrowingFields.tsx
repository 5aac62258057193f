import { Checkbox, NumberInput, Stack, Textarea, TextInput } from "@mantine/core";
import { type Narrowing, SCOPES } from "./newKey";

/** How far a key or client reaches: scopes, networks, expiry and pace. */
export function NarrowingFields({
  form,
  set,
  errors,
}: {
  form: Narrowing;
  set: (part: Partial<Narrowing>) => void;
  errors: Readonly<Record<string, string>>;
}) {
  return (
    <>
      <TextInput
        label="Name"
        required
        data-autofocus
        autoComplete="off"
        maxLength={80}
        value={form.name}
        error={errors.name}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <Checkbox.Group
        label="Scopes"
        required
        value={[...form.scopes]}
        error={errors.scopes}
        onChange={(scopes) => set({ scopes })}
      >
        <Stack gap={6} my={6}>
          {SCOPES.map((scope) => (
            <Checkbox
              key={scope.value}
              value={scope.value}
              label={scope.label}
              description={scope.description}
            />
          ))}
        </Stack>
      </Checkbox.Group>
      <Textarea
        label="From these networks alone"
        description="One on a line, such as 203.0.113.0/24. Empty: from anywhere"
        autosize
        minRows={2}
        value={form.networks}
        error={errors.ip_allow}
        onChange={(event) => set({ networks: event.currentTarget.value })}
      />
      <TextInput
        label="Expires"
        description="By your clock. Empty: when it is revoked"
        type="datetime-local"
        value={form.expires}
        error={errors.expires_at}
        onChange={(event) => set({ expires: event.currentTarget.value })}
      />
      <NumberInput
        label="Requests a minute"
        description="Empty: what is usual here"
        min={1}
        allowDecimal={false}
        allowNegative={false}
        value={form.requestsPerMinute ?? ""}
        error={errors.requests_per_minute_max}
        onChange={(count) => set({ requestsPerMinute: typeof count === "number" ? count : null })}
      />
    </>
  );
}

export const NARROWING_FIELDS = ["name", "scopes", "ip_allow", "expires_at", "requests_per_minute_max"];
