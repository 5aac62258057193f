import { ActionIcon, Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { useAction } from "../../../ui/useAction";
import { ACCOUNTS, NODES, nodeChoices, useNodes } from "../parts/directory";
import { FormDialog } from "../parts/FormDialog";
import { type AccountForm, accountRequest, type Balance, balancesProblem, NEW_ACCOUNT } from "./newAccount";

const KINDS = [
  { value: "PAPER", label: "Paper: nothing real is traded" },
  { value: "LIVE", label: "Live: trades at a venue, with a key of it" },
];

export function NewAccountDialog({ onClose }: { onClose: () => void }) {
  const { api } = usePlatform();
  const nodes = (useNodes().data ?? []).filter((node) => !["ACCOUNT", "API_KEY"].includes(node.kind));
  const [form, setForm] = useState<AccountForm>(NEW_ACCOUNT);
  const set = (part: Partial<AccountForm>) => setForm((before) => ({ ...before, ...part }));
  const make = useAction(
    (terms: AccountForm) => answerOf(api.POST("/accounts", { body: accountRequest(terms) })),
    // Other pages read accounts and the tree as well.
    { changes: [ACCOUNTS, NODES, ["accounts"], ["limits"]], onDone: onClose },
  );
  const problem = balancesProblem(form);
  return (
    <FormDialog
      title="New account"
      confirm="Create account"
      action={make}
      fields={["name", "parent_id", "kind", "base_currency", "balances"]}
      patterns={{ base_currency: "capital letters and digits, from 2 to 12" }}
      onSubmit={() => make.run(form)}
      onClose={onClose}
      isReady={problem === null && form.parentId !== null}
    >
      {(errors) => (
        <>
          <TextInput
            label="Name"
            required
            data-autofocus
            maxLength={120}
            value={form.name}
            error={errors.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
          />
          <Select
            label="Below"
            description="The node whose limits count for it too"
            required
            searchable
            data={nodeChoices(nodes)}
            value={form.parentId}
            error={errors.parent_id}
            onChange={(parentId) => set({ parentId })}
          />
          <Select
            label="Kind"
            data={KINDS}
            value={form.kind}
            error={errors.kind}
            allowDeselect={false}
            onChange={(kind) => kind !== null && set({ kind: kind as AccountForm["kind"] })}
          />
          <TextInput
            label="Base currency"
            required
            maxLength={12}
            value={form.baseCurrency}
            error={errors.base_currency}
            onChange={(event) => set({ baseCurrency: event.currentTarget.value })}
          />
          {form.kind === "PAPER" && (
            <Balances
              balances={form.balances}
              onChange={(balances) => set({ balances })}
              error={problem ?? errors.balances}
            />
          )}
        </>
      )}
    </FormDialog>
  );
}

function Balances({
  balances,
  onChange,
  error,
}: {
  balances: readonly Balance[];
  onChange: (balances: readonly Balance[]) => void;
  error: string | undefined;
}) {
  const change = (id: number, part: Partial<Balance>) =>
    onChange(balances.map((each) => (each.id === id ? { ...each, ...part } : each)));
  const another = () =>
    onChange([
      ...balances,
      { id: Math.max(-1, ...balances.map((each) => each.id)) + 1, asset: "", amount: "" },
    ]);
  return (
    <Stack gap="xs" component="fieldset" style={{ border: 0, margin: 0, padding: 0 }}>
      <Text component="legend" size="sm" fw={500}>
        It begins with
      </Text>
      {balances.map((balance, at) => (
        <Group key={balance.id} gap="xs" wrap="nowrap">
          <TextInput
            aria-label={`Asset ${at + 1}`}
            placeholder="USDT"
            w={110}
            maxLength={12}
            value={balance.asset}
            onChange={(event) => change(balance.id, { asset: event.currentTarget.value })}
          />
          <TextInput
            aria-label={`Amount ${at + 1}`}
            placeholder="100000"
            flex={1}
            inputMode="decimal"
            value={balance.amount}
            onChange={(event) => change(balance.id, { amount: event.currentTarget.value })}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            onClick={() => onChange(balances.filter((each) => each.id !== balance.id))}
            aria-label={`Leave out balance ${at + 1}`}
          >
            <IconX size={16} />
          </ActionIcon>
        </Group>
      ))}
      {error !== undefined && (
        <Text size="xs" c="red" role="alert">
          {error}
        </Text>
      )}
      <Group>
        <Button size="compact-sm" variant="subtle" onClick={another}>
          Another asset
        </Button>
      </Group>
    </Stack>
  );
}
