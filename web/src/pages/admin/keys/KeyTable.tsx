import { Button, Code, Group, Stack, Switch, Text } from "@mantine/core";
import { type Column, DataTable } from "../../../ui/DataTable";
import { useAddress } from "../../../ui/useAddress";
import type { Standing } from "./newKey";
import { LastUse, StandingBadge } from "./StandingBadge";

/** What an API key and a third party's client have in common. */
interface Key {
  readonly name: string;
  readonly username: string;
  readonly scopes: readonly string[];
  readonly ip_allow: readonly string[];
  readonly last_used_at: string | null;
  readonly last_used_from: string | null;
  readonly expires_at: string | null;
}

/** What programs come in with: as whom, how far and from where, and when it was last used. */
export function KeyTable<Each extends Key>({
  label,
  keys,
  idOf,
  empty,
  nameOfUser,
  standingOf,
  isOver,
  more,
  mayRotate,
  onRotate,
  onRevoke,
}: {
  label: string;
  keys: readonly Each[];
  idOf: (key: Each) => string;
  empty: string;
  /** The column's word for the user that it belongs to. */
  nameOfUser: string;
  standingOf: (key: Each) => Standing;
  isOver: (key: Each) => boolean;
  /** Columns before that of its actions. */
  more: readonly Column<Each>[];
  mayRotate: (key: Each) => boolean;
  onRotate: (key: Each) => void;
  onRevoke: (key: Each) => void;
}) {
  const [ended, showEnded] = useAddress("ended", "no");
  return (
    <>
      <Switch
        label="Show those that ended"
        checked={ended === "yes"}
        onChange={(event) => showEnded(event.currentTarget.checked ? "yes" : "no")}
      />
      <DataTable
        label={label}
        rows={keys.filter((key) => ended === "yes" || !isOver(key))}
        keyOf={idOf}
        empty={empty}
        minWidth={900}
        columns={[
          { name: "Name", show: (key) => <NameAndId name={key.name} id={idOf(key)} /> },
          { name: nameOfUser, show: (key) => key.username },
          { name: "Scopes", show: (key) => key.scopes.join(", ").replaceAll("_", " ") },
          { name: "From", show: (key) => (key.ip_allow.length === 0 ? "anywhere" : key.ip_allow.join(", ")) },
          { name: "Last used", show: (key) => <LastUse at={key.last_used_at} from={key.last_used_from} /> },
          {
            name: "State",
            show: (key) => <StandingBadge standing={standingOf(key)} until={key.expires_at} />,
          },
          ...more,
          {
            name: "Actions",
            show: (key) =>
              !isOver(key) && (
                <Group gap="xs" wrap="nowrap" justify="flex-end">
                  {mayRotate(key) && (
                    <Button
                      size="compact-sm"
                      variant="light"
                      onClick={() => onRotate(key)}
                      aria-label={`Rotate ${key.name}`}
                    >
                      Rotate
                    </Button>
                  )}
                  <Button
                    size="compact-sm"
                    variant="light"
                    color="red"
                    onClick={() => onRevoke(key)}
                    aria-label={`Revoke ${key.name}`}
                  >
                    Revoke
                  </Button>
                </Group>
              ),
          },
        ]}
      />
    </>
  );
}

function NameAndId({ name, id }: { name: string; id: string }) {
  return (
    <Stack gap={2} align="flex-start">
      <Text size="sm" fw={600}>
        {name}
      </Text>
      <Code>{id}</Code>
    </Stack>
  );
}
