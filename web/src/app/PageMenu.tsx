import { Box, NavLink, ScrollArea, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { isAt } from "./bar";
import { iconOf } from "./icons";
import type { Area } from "./pages";

/** Every page that one may see, by area. */
export function PageMenu({
  areas,
  path,
  onChoose,
}: {
  areas: readonly Area[];
  path: string;
  onChoose: () => void;
}) {
  return (
    <ScrollArea>
      {areas.map((area) => (
        <Box key={area.name} component="section" mb="sm" aria-label={area.name}>
          <Text size="xs" c="dimmed" fw={600} px="sm" tt="uppercase">
            {area.name}
          </Text>
          {area.pages.map((page) => {
            const Icon = iconOf(page);
            const isHere = isAt(path, page);
            return (
              <NavLink
                key={page.path}
                component={Link}
                to={page.path}
                label={page.name}
                leftSection={<Icon size={18} aria-hidden />}
                active={isHere}
                aria-current={isHere ? "page" : undefined}
                onClick={onChoose}
              />
            );
          })}
        </Box>
      ))}
    </ScrollArea>
  );
}
