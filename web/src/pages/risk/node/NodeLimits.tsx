import { Button, Group, Menu, Stack, Text, Title } from "@mantine/core";
import { IconDots, IconPlus } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { DataTable } from "../../../ui/DataTable";
import { shownTime } from "../../../ui/times";
import { useMay } from "../../../ui/useMe";
import { leasedUnder, leasesBelow } from "../model/leased";
import { ACTION_WORDS, allowedWords, limitName, settingWords } from "../model/limitWords";
import type { Limit, TreeNode } from "../model/types";
import { Amount } from "../shared/Amount";
import { useLeases, useLimitTypes, usePlannedLimits } from "../shared/queries";
import { UseBar } from "../shared/UseBar";
import { LimitDialog } from "./LimitDialog";
import { LimitHistory } from "./LimitHistory";
import { OverrideDialog } from "./OverrideDialog";
import { RemoveLimitDialog } from "./RemoveLimitDialog";

type Asked = { readonly what: "CHANGE" | "HISTORY" | "OVERRIDE" | "REMOVE"; readonly limit: Limit };

/** The limits of a node, in force and to come, with what one may do to each. */
export function NodeLimits({ node }: { node: TreeNode }) {
  const may = useMay();
  const leases = useLeases().data?.items ?? [];
  const types = useLimitTypes().data?.items ?? [];
  const planned = usePlannedLimits(node.node_id);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [isAdding, setAdding] = useState(false);
  const units = useMemo(() => new Map(types.map((type) => [type.limit_type, type.unit])), [types]);
  const unitOf = (limit: Limit) => units.get(limit.limit_type) ?? "";
  const below = leasesBelow(node, leases);
  const close = () => setAsked(null);
  const actions = (limit: Limit) => <LimitMenu limit={limit} ask={(what) => setAsked({ what, limit })} />;
  return (
    <Stack>
      {may("limits:manage") && (
        <Group>
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setAdding(true)}>
            Set a limit
          </Button>
        </Group>
      )}
      <DataTable
        label={`Limits of ${node.name}`}
        rows={node.limits}
        keyOf={(limit) => limit.limit_id}
        empty="It has no limits of its own; those above it hold."
        minWidth={980}
        columns={[
          { name: "Limit", show: limitName },
          { name: "Use", show: (limit) => <UseBar limit={limit} leased={leasedUnder(limit, below)} /> },
          {
            name: "Used",
            isNumber: true,
            show: (limit) => limit.used !== null && <Amount amount={limit.used} />,
          },
          {
            name: "Reserved",
            isNumber: true,
            show: (limit) => limit.reserved !== null && <Amount amount={limit.reserved} />,
          },
          {
            name: "Leased",
            isNumber: true,
            show: (limit) => limit.reserved !== null && <Leased amount={leasedUnder(limit, below)} />,
          },
          { name: "Allowed", isNumber: true, show: (limit) => allowedWords(limit, unitOf(limit)) },
          { name: "At it", show: (limit) => <Particulars limit={limit} /> },
          { name: "Do", show: actions },
        ]}
      />
      {planned.data !== undefined && planned.data.length > 0 && (
        <>
          <Title order={2} size="h4">
            To come
          </Title>
          <DataTable
            label={`Limits of ${node.name} to come`}
            rows={planned.data}
            keyOf={(limit) => limit.limit_id}
            empty=""
            columns={[
              { name: "Limit", show: limitName },
              { name: "Allowed", isNumber: true, show: (limit) => settingWords(limit, unitOf(limit)) },
              { name: "Begins", show: (limit) => limit.valid_from !== null && shownTime(limit.valid_from) },
              {
                name: "Ends",
                show: (limit) => (limit.valid_until === null ? "never" : shownTime(limit.valid_until)),
              },
              { name: "Do", show: actions },
            ]}
          />
        </>
      )}
      {isAdding && <LimitDialog node={node} limit={null} onClose={() => setAdding(false)} />}
      {asked?.what === "CHANGE" && <LimitDialog node={node} limit={asked.limit} onClose={close} />}
      {asked?.what === "HISTORY" && (
        <LimitHistory limit={asked.limit} unit={unitOf(asked.limit)} onClose={close} />
      )}
      {asked?.what === "OVERRIDE" && (
        <OverrideDialog limit={asked.limit} nodeName={node.name} onClose={close} />
      )}
      {asked?.what === "REMOVE" && (
        <RemoveLimitDialog limit={asked.limit} nodeName={node.name} onClose={close} />
      )}
    </Stack>
  );
}

function Leased({ amount }: { amount: string | null }) {
  return amount === null ? (
    <span title="Not told for this type of limit">–</span>
  ) : (
    <Amount amount={amount} />
  );
}

function Particulars({ limit }: { limit: Limit }) {
  return (
    <Text size="xs" maw={220}>
      {ACTION_WORDS[limit.action] ?? limit.action}
      {limit.override_id !== null && `; overridden, set is ${limit.set_value}`}
      {limit.valid_until !== null && `; until ${shownTime(limit.valid_until)}`}
      {limit.stricter_above !== null && "; a node above allows less"}
    </Text>
  );
}

function LimitMenu({ limit, ask }: { limit: Limit; ask: (what: Asked["what"]) => void }) {
  const may = useMay();
  const isManager = may("limits:manage");
  if (!isManager && !may("limits:history")) return null;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="subtle" size="compact-sm" aria-label={`More for ${limitName(limit)}`}>
          <IconDots size={16} />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {isManager && <Menu.Item onClick={() => ask("CHANGE")}>Change</Menu.Item>}
        {isManager && limit.value !== null && (
          <Menu.Item onClick={() => ask("OVERRIDE")}>Ask for another value for a while</Menu.Item>
        )}
        {may("limits:history") && <Menu.Item onClick={() => ask("HISTORY")}>History</Menu.Item>}
        {isManager && (
          <Menu.Item color="red" onClick={() => ask("REMOVE")}>
            Take it away
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
