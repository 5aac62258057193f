import { Stack, Table, Text, Title } from "@mantine/core";
import type { components } from "../../../api/schema";
import { Facts } from "../parts/Facts";

type Document = components["schemas"]["Document"];
type Section = Document["sections"][number];

/** What a digest says, from its document: the mail's own HTML is shown nowhere. */
export function DigestDocument({ document }: { document: Document }) {
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {document.begins_at} to {document.ends_at} ({document.time_zone})
        {!document.is_over && ", not over yet"}
      </Text>
      {document.sections.map((section) => (
        <SectionShown key={section.title} section={section} />
      ))}
    </Stack>
  );
}

function SectionShown({ section }: { section: Section }) {
  const { facts, note, table } = section;
  return (
    <Stack gap="xs" component="section" aria-label={section.title}>
      <Title order={3} size="h5">
        {section.title}
      </Title>
      {(note ?? null) !== null && <Text size="sm">{note}</Text>}
      {facts.length > 0 && (
        <Facts
          facts={facts.map((fact) => [
            fact.name,
            <Text key={fact.name} span size="sm" fw={fact.is_notable ? 700 : 400}>
              {fact.is_notable && "! "}
              {fact.value}
            </Text>,
          ])}
        />
      )}
      {table != null && <TableShown table={table} title={section.title} />}
    </Stack>
  );
}

function TableShown({ table, title }: { table: NonNullable<Section["table"]>; title: string }) {
  // Rows and cells have no names of their own, and a digest never changes: their places are their keys.
  const rows = table.rows.map((cells, at) => ({ key: `row ${at}`, cells }));
  return (
    <Table.ScrollContainer minWidth={500}>
      <Table aria-label={title} verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            {table.columns.map((column) => (
              <Table.Th key={column.name} scope="col" ta={column.is_number ? "right" : undefined}>
                {column.name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.key}>
              {table.columns.map((column, at) => (
                <Table.Td key={column.name} ta={column.is_number ? "right" : undefined}>
                  {row.cells[at]}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {table.left_out > 0 && (
        <Text size="xs" c="dimmed">
          and {table.left_out} more
        </Text>
      )}
    </Table.ScrollContainer>
  );
}
