import { Button, Group, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useAddress } from "../../ui/useAddress";

const FIELDS = [
  { name: "actor", label: "Who", placeholder: "risk", type: "text" },
  { name: "topic", label: "What", placeholder: "limits", type: "text" },
  { name: "aggregate", label: "Of which", placeholder: "an id", type: "text" },
  { name: "since", label: "Sealed from", placeholder: "", type: "datetime-local" },
  { name: "until", label: "Sealed until", placeholder: "", type: "datetime-local" },
] as const;

type Name = (typeof FIELDS)[number]["name"];
type Filters = Readonly<Record<Name, string>>;

const NOTHING: Filters = { actor: "", topic: "", aggregate: "", since: "", until: "" };

/** Sought when it is sent, not while it is typed: each search is a record. The address keeps what is sought. */
export function AuditFilters() {
  const navigate = useNavigate();
  const chosen: Filters = {
    actor: useAddress("actor", "")[0],
    topic: useAddress("topic", "")[0],
    aggregate: useAddress("aggregate", "")[0],
    since: useAddress("since", "")[0],
    until: useAddress("until", "")[0],
  };
  const [typed, type] = useState(chosen);
  const seek = (filters: Filters) => {
    const search = Object.fromEntries(Object.entries(filters).filter(([, value]) => value.trim() !== ""));
    void navigate({ to: ".", search } as never);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    seek(typed);
  };
  const clear = () => {
    type(NOTHING);
    seek(NOTHING);
  };
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="sm">
        {FIELDS.map((field) => (
          <TextInput
            key={field.name}
            label={field.label}
            type={field.type}
            placeholder={field.placeholder}
            value={typed[field.name]}
            onChange={(event) => type({ ...typed, [field.name]: event.currentTarget.value })}
            style={{ flex: "1 1 150px" }}
          />
        ))}
        <Button type="submit">Search</Button>
        <Button variant="default" onClick={clear}>
          Clear
        </Button>
      </Group>
    </form>
  );
}
