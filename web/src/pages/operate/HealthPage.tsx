import { Badge, Table, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { components } from "../../api/schema";
import { usePlatform } from "../../platform";
import { Found } from "../../ui/states";

type Health = components["schemas"]["Health"];

const COLOURS: Record<Health["status"], string> = { UP: "teal", DEGRADED: "orange", DOWN: "red" };
const LOOK_EVERY_MS = 5_000;

export default function HealthPage() {
  const { api } = usePlatform();
  const health = useQuery({
    queryKey: ["health"],
    // 503 has the same document: something is down, which is what this page is for.
    queryFn: async (): Promise<Health> => {
      const { data, error } = await api.GET("/health");
      return data ?? (error as Health);
    },
    refetchInterval: LOOK_EVERY_MS,
  });
  return (
    <>
      <Title order={2} mb="md">
        Health
      </Title>
      <Found query={health}>
        {(found) => (
          <Table verticalSpacing="xs" maw={640}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Dependency</Table.Th>
                <Table.Th>State</Table.Th>
                <Table.Th ta="right">Answered in</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {Object.entries(found.dependencies).map(([name, dependency]) => (
                <Table.Tr key={name}>
                  <Table.Td>{name}</Table.Td>
                  <Table.Td>
                    <Badge variant="light" color={COLOURS[dependency.state]}>
                      {dependency.state}
                    </Badge>
                  </Table.Td>
                  <Table.Td ta="right">{dependency.latency_ms} ms</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Found>
    </>
  );
}
