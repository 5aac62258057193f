import { Checkbox, Stack, Table, Text } from "@mantine/core";
import { spoken } from "./words";

/** A table of checks: each row's word with each column's. */
export function Matrix<Row extends string, Column extends string>({
  label,
  rows,
  columns,
  isSet,
  problemOf,
  onChange,
  mayChange,
}: {
  label: string;
  rows: readonly { readonly name: Row; readonly about: string }[];
  columns: readonly Column[];
  isSet: (row: Row, column: Column) => boolean;
  problemOf: (row: Row) => string | undefined;
  onChange: (row: Row, column: Column, isSet: boolean) => void;
  mayChange: boolean;
}) {
  return (
    <Table.ScrollContainer minWidth={120 + 64 * columns.length}>
      <Table aria-label={label} verticalSpacing={6} horizontalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Td />
            {columns.map((column) => (
              <Table.Th key={column} scope="col" ta="center" fz="xs">
                {spoken(column)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.name}>
              <Table.Th scope="row" fw="normal">
                <Stack gap={0}>
                  <Text size="sm" fw={600}>
                    {spoken(row.name)}
                  </Text>
                  {row.about !== "" && (
                    // On a phone the checks come first.
                    <Text size="xs" c="dimmed" visibleFrom="sm">
                      {row.about}
                    </Text>
                  )}
                  <RowProblem problem={problemOf(row.name)} />
                </Stack>
              </Table.Th>
              {columns.map((column) => (
                <Table.Td key={column} align="center">
                  <Checkbox
                    aria-label={`${spoken(row.name)}: ${spoken(column)}`}
                    checked={isSet(row.name, column)}
                    disabled={!mayChange}
                    onChange={(event) => onChange(row.name, column, event.currentTarget.checked)}
                    style={{ display: "inline-block" }}
                  />
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** What the server says of a row as a whole. */
export function RowProblem({ problem }: { problem: string | undefined }) {
  if (problem === undefined) return null;
  return (
    <Text size="xs" c="red" fw="normal" role="alert">
      {problem}
    </Text>
  );
}
