import { MultiSelect, Switch, TagsInput, TextInput } from "@mantine/core";
import { accountChoices, useAccounts } from "../parts/directory";
import { type EndpointForm, TOPICS } from "./endpoint";

export const ENDPOINT_PATTERNS = {
  topics: "a topic is a name, a beginning with .* at its end, or *",
};
export const ENDPOINT_FIELDS = ["name", "url", "topics", "account_ids"];

export function EndpointFields({
  form,
  set,
  errors,
}: {
  form: EndpointForm;
  set: (part: Partial<EndpointForm>) => void;
  errors: Readonly<Record<string, string>>;
}) {
  const accounts = accountChoices(useAccounts().data);
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
      <TextInput
        label="Address"
        description="https, at a public address"
        placeholder="https://hooks.example.com/breakwater"
        required
        autoComplete="off"
        maxLength={2000}
        value={form.url}
        error={errors.url}
        onChange={(event) => set({ url: event.currentTarget.value })}
      />
      <TagsInput
        label="Topics"
        description="A name such as orders.OrderPlaced.v1, a beginning such as orders.*, or * for all"
        required
        data={[...TOPICS]}
        value={[...form.topics]}
        error={errors.topics}
        maxTags={50}
        clearable
        clearButtonProps={{ "aria-label": "No topics" }}
        onChange={(topics) => set({ topics })}
      />
      <Switch
        label="Of all accounts, and what is the organisation's own"
        checked={form.isOfAll}
        onChange={(event) => set({ isOfAll: event.currentTarget.checked })}
      />
      {!form.isOfAll && (
        <MultiSelect
          label="Accounts"
          required
          searchable
          data={accounts}
          value={[...form.accountIds]}
          error={errors.account_ids}
          onChange={(accountIds) => set({ accountIds })}
        />
      )}
    </>
  );
}
