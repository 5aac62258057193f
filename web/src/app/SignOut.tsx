import { ActionIcon, Button } from "@mantine/core";
import { IconLogout } from "@tabler/icons-react";
import { usePlatform } from "../platform";

export function SignOut() {
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
    <>
      <Button size="compact-sm" variant="subtle" onClick={leave} visibleFrom="sm">
        Sign out
      </Button>
      <ActionIcon size="lg" variant="subtle" onClick={leave} hiddenFrom="sm" aria-label="Sign out">
        <IconLogout size={20} />
      </ActionIcon>
    </>
  );
}
