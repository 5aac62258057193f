import { Text, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { barOf, isAt } from "./bar";
import { iconOf } from "./icons";
import type { Area } from "./pages";
import classes from "./shell.module.css";

/** On a phone, under the thumb: what one needs there. */
export function BottomBar({ areas, path }: { areas: readonly Area[]; path: string }) {
  return (
    <nav aria-label="Main pages" className={classes.bar}>
      {barOf(areas).map((page) => {
        const Icon = iconOf(page);
        const isHere = isAt(path, page);
        return (
          <UnstyledButton
            key={page.path}
            component={Link}
            to={page.path}
            className={classes.barItem}
            data-active={isHere || undefined}
            aria-current={isHere ? "page" : undefined}
          >
            <Icon size={22} aria-hidden />
            <Text size="xs" truncate maw="100%">
              {page.name}
            </Text>
          </UnstyledButton>
        );
      })}
    </nav>
  );
}
