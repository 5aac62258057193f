/** What every page needs: the API, what is live, the session, and who is signed in. */
import { createContext, type ReactNode, use } from "react";
import type { Api, signInApi } from "./api/client";
import type { components } from "./api/schema";
import type { Live } from "./live/live";
import type { OidcSignIn } from "./session/oidc";
import type { Session } from "./session/session";

export type Me = components["schemas"]["Me"];

export interface Platform {
  readonly api: Api;
  readonly session: Session;
  readonly live: Live;
  readonly engineUrl: string;
  readonly signIn: ReturnType<typeof signInApi>["signIn"];
  /** Where people sign in at an issuer instead. */
  readonly oidc: OidcSignIn | null;
}

const PlatformContext = createContext<Platform | null>(null);

export function PlatformProvider({ platform, children }: { platform: Platform; children: ReactNode }) {
  return <PlatformContext value={platform}>{children}</PlatformContext>;
}

export function usePlatform(): Platform {
  const platform = use(PlatformContext);
  if (platform === null) throw new Error("there is no PlatformProvider above");
  return platform;
}
