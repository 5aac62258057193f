import { ActionIcon, Badge, Button, Group, Text } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { shownAmount } from "../../../ui/amounts";
import { shownTime } from "../../../ui/times";
import type { LimitRow, NodeRow } from "../model/limitTree";
import { allowedWords, limitName } from "../model/limitWords";
import { Amount } from "../shared/Amount";
import { NodeLink } from "../shared/NodeLink";
import { StateBadge } from "../shared/StateBadge";
import { UseBar } from "../shared/UseBar";
import classes from "./LimitTreeGrid.module.css";

const INDENT_PX = 18;

/** A node: its state, its hottest limit, and what one can do there. */
export function NodeRowCells({
  row,
  isCurrent,
  leased,
  toggle,
  stop,
  rearm,
}: {
  row: NodeRow;
  /** Its buttons are in the tab order only while the row is. */
  isCurrent: boolean;
  leased: string | null;
  toggle: () => void;
  stop: (() => void) | null;
  rearm: (() => void) | null;
}) {
  const { node, isOpen, hottest, stoppedBy } = row;
  const tabIndex = isCurrent ? 0 : -1;
  return (
    <>
      <td>
        <div className={classes.name} style={{ paddingLeft: (row.level - 1) * INDENT_PX }}>
          {isOpen === null ? (
            <span style={{ width: 22 }} />
          ) : (
            <ActionIcon
              variant="subtle"
              color="gray"
              size="sm"
              tabIndex={-1}
              onClick={toggle}
              aria-label={`${isOpen ? "Close" : "Open"} ${node.name}`}
            >
              {isOpen ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />}
            </ActionIcon>
          )}
          <Text size="sm" fw={600} component="span">
            <NodeLink nodeId={node.node_id}>{node.name}</NodeLink>
          </Text>
          <Text size="xs" c="dimmed" component="span">
            {node.kind.toLowerCase().replaceAll("_", " ")}
          </Text>
          {node.state !== "ACTIVE" && <StateBadge state={node.state} />}
          {node.state === "ACTIVE" && stoppedBy !== null && (
            <Badge miw="max-content" color="red" variant="light">
              stopped by {stoppedBy.name}
            </Badge>
          )}
        </div>
      </td>
      <td>{hottest !== null && isOpen !== true && <UseBar limit={hottest} leased={leased} />}</td>
      <td colSpan={4}>
        {hottest !== null && hottest.usage_pct !== "0" && (
          <Text size="xs" c="dimmed">
            nearest to its value: {limitName(hottest)}, {hottest.usage_pct} %
          </Text>
        )}
      </td>
      <td>
        <Text size="xs" style={{ overflowWrap: "anywhere" }} lineClamp={2}>
          {node.state === "ACTIVE" ? "" : (node.state_reason ?? "")}
        </Text>
      </td>
      <td>
        <Group gap={4} wrap="nowrap">
          {rearm !== null && (
            <Button
              size="compact-xs"
              variant="default"
              tabIndex={tabIndex}
              onClick={rearm}
              aria-label={`Re-arm ${node.name}`}
            >
              Re-arm
            </Button>
          )}
          {stop !== null && (
            <Button
              size="compact-xs"
              color="red"
              variant="light"
              tabIndex={tabIndex}
              onClick={stop}
              aria-label={`Stop ${node.name}`}
            >
              Stop
            </Button>
          )}
        </Group>
      </td>
    </>
  );
}

/** A limit: its bar, the amounts behind it, and what is particular about it now. */
export function LimitRowCells({
  row,
  unit,
  leased,
  stricterName,
}: {
  row: LimitRow;
  unit: string;
  leased: string | null;
  /** Of the node above that allows less, so that this limit is never the one that refuses. */
  stricterName: string | null;
}) {
  const { limit } = row;
  return (
    <>
      <td>
        <div className={classes.name} style={{ paddingLeft: (row.level - 1) * INDENT_PX + 28 }}>
          <Text size="sm" component="span">
            {limitName(limit)}
          </Text>
        </div>
      </td>
      <td>
        <UseBar limit={limit} leased={leased} />
      </td>
      <td className={classes.amount}>{limit.used !== null && <Amount amount={limit.used} />}</td>
      <td className={classes.amount}>{limit.reserved !== null && <Amount amount={limit.reserved} />}</td>
      <td className={classes.amount}>
        {limit.reserved !== null && leased === null && <span title="Not told for this type of limit">–</span>}
        {limit.reserved !== null && leased !== null && <Amount amount={leased} />}
      </td>
      <td className={classes.amount} style={limit.value === null ? { whiteSpace: "normal" } : undefined}>
        {allowedWords(limit, unit)}
      </td>
      <td colSpan={2}>
        <Text size="xs" c="dimmed">
          {notesOf().join("; ")}
        </Text>
      </td>
    </>
  );

  function notesOf(): readonly string[] {
    const notes: string[] = [];
    if (limit.missing !== null) notes.push(`cannot be judged without ${limit.missing}`);
    if (limit.override_id !== null) notes.push(`override; set is ${shownAmount(limit.set_value ?? "")}`);
    if (stricterName !== null) notes.push(`${stricterName} allows less`);
    if (limit.action !== "REJECT") notes.push(`at it: ${limit.action.toLowerCase().replaceAll("_", " ")}`);
    if (limit.valid_until !== null) notes.push(`until ${shownTime(limit.valid_until)}`);
    return notes;
  }
}
