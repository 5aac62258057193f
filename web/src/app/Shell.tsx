import { AppShell, Burger, Group, Text } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { Outlet, useLocation } from "@tanstack/react-router";
import { useEffect } from "react";
import { AlertBell } from "../alerts/AlertBell";
import { AlertToasts } from "../alerts/AlertToasts";
import { LiveState } from "../live/LiveState";
import type { Me } from "../platform";
import { BottomBar } from "./BottomBar";
import { barOf, pageAt } from "./bar";
import { ColourScheme } from "./ColourScheme";
import { NewVersion } from "./NewVersion";
import { PageMenu } from "./PageMenu";
import { AREAS, menuFor } from "./pages";
import { SignOut } from "./SignOut";
import classes from "./shell.module.css";
import "./shell.css";

const BAR_HEIGHT = "calc(56px + env(safe-area-inset-bottom))";

/** The frame of every page: where one is, where one can go, who one is. */
export function Shell({ me }: { me: Me }) {
  const [isOpen, { toggle, close }] = useDisclosure(false);
  const isPhone = useMediaQuery("(max-width: 48em)") ?? false;
  const path = useLocation({ select: (location) => location.pathname });
  const areas = menuFor(me.permissions);
  const hasBar = isPhone && barOf(areas).length > 0;
  const seesAlerts = me.permissions.includes("alerts:read");
  useTitle(pageAt(path, AREAS)?.name);
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 200, breakpoint: "sm", collapsed: { mobile: !isOpen } }}
      footer={{ height: BAR_HEIGHT, collapsed: !hasBar }}
      padding="md"
    >
      <a href="#main" className={classes.skip}>
        To the page
      </a>
      <AppShell.Header className={classes.header}>
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group wrap="nowrap" gap="xs" miw={0}>
            <Burger
              opened={isOpen}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label="Menu"
              aria-expanded={isOpen}
            />
            <Text fw={700}>Breakwater</Text>
            <Text size="sm" c="dimmed" truncate visibleFrom="xs">
              {me.organisation}
            </Text>
            <LiveState />
          </Group>
          <Group gap="xs" wrap="nowrap" miw={0}>
            <WhoOneIs me={me} />
            {seesAlerts && <AlertBell />}
            <ColourScheme />
            <SignOut />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        <PageMenu areas={areas} path={path} onChoose={close} />
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} className={classes.main}>
        <NewVersion />
        <Outlet />
      </AppShell.Main>
      {hasBar && (
        <AppShell.Footer>
          <BottomBar areas={areas} path={path} />
        </AppShell.Footer>
      )}
      {seesAlerts && <AlertToasts isAboveBar={hasBar} />}
    </AppShell>
  );
}

function WhoOneIs({ me }: { me: Me }) {
  return (
    <Text size="sm" truncate>
      {me.username}
      <Text span c="dimmed" visibleFrom="sm">
        {" "}
        {me.role.replaceAll("_", " ")}
      </Text>
    </Text>
  );
}

function useTitle(page: string | undefined) {
  useEffect(() => {
    document.title = page === undefined ? "Breakwater" : `${page} · Breakwater`;
  }, [page]);
}
