import { Table } from "@mantine/core";
import type { Key, ReactNode } from "react";
import { Empty } from "./states";

export interface Column<Row> {
  readonly name: string;
  /** Amounts and counts stand at the right, digit below digit. */
  readonly isNumber?: boolean;
  readonly show: (row: Row) => ReactNode;
}

/** Rows of one kind. `empty` is what stands there when there are none; `label` is what a screen reader calls it. */
export function DataTable<Row>({
  label,
  rows,
  columns,
  keyOf,
  empty,
  minWidth = 640,
}: {
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  keyOf: (row: Row) => Key;
  empty: ReactNode;
  minWidth?: number;
}) {
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  return (
    <Table.ScrollContainer minWidth={minWidth}>
      <Table verticalSpacing="xs" aria-label={label} highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th key={column.name} ta={column.isNumber ? "right" : undefined} scope="col">
                {column.name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={keyOf(row)}>
              {columns.map((column) => (
                <Table.Td
                  key={column.name}
                  ta={column.isNumber ? "right" : undefined}
                  style={column.isNumber ? { fontVariantNumeric: "tabular-nums" } : undefined}
                >
                  {column.show(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
