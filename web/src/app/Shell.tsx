import {
  ActionIcon,
  AppShell,
  Box,
  Burger,
  Button,
  Group,
  NavLink,
  ScrollArea,
  Text,
  Tooltip,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconContrast } from "@tabler/icons-react";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { LiveState } from "../live/LiveState";
import type { Me } from "../platform";
import { usePlatform } from "../platform";
import { menuFor } from "./pages";

/** The frame of every page: where one is, where one can go, who one is. */
export function Shell({ me }: { me: Me }) {
  const [isOpen, { toggle, close }] = useDisclosure(false);
  const path = useLocation({ select: (location) => location.pathname });
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 200, breakpoint: "sm", collapsed: { mobile: !isOpen } }}
      padding="md"
    >
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group wrap="nowrap">
            <Burger opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
            <Text fw={700}>Breakwater</Text>
            <LiveState />
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Text size="sm" truncate>
              {me.username}{" "}
              <Text span c="dimmed">
                {me.role.replaceAll("_", " ")}
              </Text>
            </Text>
            <ColourScheme />
            <SignOut />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        <ScrollArea>
          {menuFor(me.permissions).map((area) => (
            <Box key={area.name} component="section" mb="sm" aria-label={area.name}>
              <Text size="xs" c="dimmed" fw={600} px="sm" tt="uppercase">
                {area.name}
              </Text>
              {area.pages.map((page) => (
                <NavLink
                  key={page.path}
                  component={Link}
                  to={page.path}
                  label={page.name}
                  active={path === page.path}
                  onClick={close}
                />
              ))}
            </Box>
          ))}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}

function ColourScheme() {
  const { toggleColorScheme } = useMantineColorScheme();
  return (
    <Tooltip label="Dark or light">
      <ActionIcon variant="subtle" onClick={toggleColorScheme} aria-label="Dark or light">
        <IconContrast size={18} />
      </ActionIcon>
    </Tooltip>
  );
}

function SignOut() {
  const { api, session, oidc } = usePlatform();
  // Here it is over at once; the server is told, and ends it within its hour where it does not hear.
  const leave = () => {
    const told = api.POST("/auth/sign-out").catch(() => undefined);
    void told.finally(() => {
      session.signedOut();
      const endUrl = oidc?.endUrl() ?? null;
      if (endUrl !== null) location.assign(endUrl);
    });
  };
  return (
    <Button size="compact-sm" variant="subtle" onClick={leave}>
      Sign out
    </Button>
  );
}
