import { ActionIcon, Button } from "@mantine/core";
import { IconLogout } from "@tabler/icons-react";
import { forgetDevice, pushWorld } from "../alerts/forgetDevice";
import { usePlatform } from "../platform";

const FORGET_MS_MAX = 3_000;

export function SignOut() {
  const { api, session, oidc } = usePlatform();
  // The server is told, and ends the session within its hour where it does not hear.
  const leave = async () => {
    await Promise.race([
      forgetDevice(pushWorld(api)),
      new Promise((done) => setTimeout(done, FORGET_MS_MAX)),
    ]);
    await api.POST("/auth/sign-out").catch(() => undefined);
    session.signedOut();
    const endUrl = oidc?.endUrl() ?? null;
    if (endUrl !== null) location.assign(endUrl);
  };
  return (
    <>
      <Button size="compact-sm" variant="subtle" onClick={() => void leave()} visibleFrom="sm">
        Sign out
      </Button>
      <ActionIcon
        size="lg"
        variant="subtle"
        onClick={() => void leave()}
        hiddenFrom="sm"
        aria-label="Sign out"
      >
        <IconLogout size={20} />
      </ActionIcon>
    </>
  );
}
