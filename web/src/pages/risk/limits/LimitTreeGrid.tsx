import { Table } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import { useMay } from "../../../ui/useMe";
import { leasedUnder, leasesBelow } from "../model/leased";
import { closedAtFirst, type LimitsShown, moveBy, nodesOf, rowsOf } from "../model/limitTree";
import type { Lease, LimitType, ScopeNode, TreeNode } from "../model/types";
import { RearmDialog } from "../stop/RearmDialog";
import { StopDialog } from "../stop/StopDialog";
import classes from "./LimitTreeGrid.module.css";
import { LimitRowCells, NodeRowCells } from "./TreeRowCells";

const HEADINGS = ["Node or limit", "Use", "Used", "Reserved", "Leased", "Allowed", "Particular", "Actions"];
const AMOUNTS = new Set(["Used", "Reserved", "Leased", "Allowed"]);

/** A tree grid: one row is in the tab order, and arrows go from there, open and close. */
export function LimitTreeGrid({
  roots,
  leases,
  types,
  shown,
}: {
  roots: readonly TreeNode[];
  leases: readonly Lease[];
  types: readonly LimitType[];
  shown: LimitsShown;
}) {
  const navigate = useNavigate();
  const may = useMay();
  const body = useRef<HTMLTableSectionElement>(null);
  const [closed, setClosed] = useState(() => closedAtFirst(roots));
  const [focused, setFocused] = useState("");
  const [stopping, setStopping] = useState<ScopeNode | null>(null);
  const [rearming, setRearming] = useState<ScopeNode | null>(null);
  const rows = rowsOf(roots, shown, closed);
  const current = rows.some((row) => row.key === focused) ? focused : (rows[0]?.key ?? "");
  const units = useMemo(() => new Map(types.map((type) => [type.limit_type, type.unit])), [types]);
  const names = useMemo(() => new Map([...nodesOf(roots)].map((node) => [node.node_id, node.name])), [roots]);
  const ofNode = useMemo(() => {
    const found = new Map<string, readonly Lease[]>();
    if (leases.length > 0)
      for (const node of nodesOf(roots)) found.set(node.node_id, leasesBelow(node, leases));
    return found;
  }, [roots, leases]);

  const focus = (key: string) => {
    setFocused(key);
    body.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)?.focus();
  };
  const toggle = (nodeId: string) =>
    setClosed((before) => {
      const after = new Set(before);
      if (!after.delete(nodeId)) after.add(nodeId);
      return after;
    });
  const press = (event: KeyboardEvent) => {
    // Keys on a link or a button within the row are its own.
    if (event.target instanceof Element && event.target.closest("a, button") !== null) return;
    const move = moveBy(event.key, rows, current);
    if (move === null) return;
    event.preventDefault();
    if (move.kind === "GO") focus(move.key);
    else if (move.kind === "FOLLOW") void navigate({ to: `/limits/${move.key}` });
    else toggle(move.key);
  };

  return (
    <Table.ScrollContainer minWidth={980}>
      <Table role="treegrid" aria-label="Scope tree" className={classes.grid ?? ""}>
        <thead>
          <tr>
            {HEADINGS.map((heading) => (
              <th key={heading} scope="col" className={AMOUNTS.has(heading) ? classes.amount : undefined}>
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={press}>
          {rows.map((row) => {
            const isStopped = row.node.state !== "ACTIVE";
            return (
              <tr
                key={row.key}
                data-key={row.key}
                aria-level={row.level}
                aria-posinset={row.place}
                aria-setsize={row.siblings}
                aria-expanded={row.kind === "NODE" && row.isOpen !== null ? row.isOpen : undefined}
                tabIndex={row.key === current ? 0 : -1}
                onFocus={() => setFocused(row.key)}
                className={row.kind === "NODE" ? (isStopped ? classes.stopped : classes.node) : undefined}
              >
                {row.kind === "NODE" ? (
                  <NodeRowCells
                    row={row}
                    isCurrent={row.key === current}
                    leased={
                      row.hottest === null
                        ? null
                        : leasedUnder(row.hottest, ofNode.get(row.node.node_id) ?? [])
                    }
                    toggle={() => toggle(row.key)}
                    stop={may("risk:stop") ? () => setStopping(row.node) : null}
                    rearm={may("risk:manage") && isStopped ? () => setRearming(row.node) : null}
                  />
                ) : (
                  <LimitRowCells
                    row={row}
                    unit={units.get(row.limit.limit_type) ?? ""}
                    leased={leasedUnder(row.limit, ofNode.get(row.node.node_id) ?? [])}
                    stricterName={
                      row.limit.stricter_above === null ? null : nameAbove(row.limit.stricter_above)
                    }
                  />
                )}
              </tr>
            );
          })}
        </tbody>
      </Table>
      {stopping !== null && <StopDialog node={stopping} onClose={() => setStopping(null)} />}
      {rearming !== null && <RearmDialog node={rearming} onClose={() => setRearming(null)} />}
    </Table.ScrollContainer>
  );

  function nameAbove(nodeId: string): string {
    return names.get(nodeId) ?? "a node above";
  }
}
