/**
 * A script of its own before the large one: who is signed in, and what his page reads first, is asked for while what
 * draws it is being loaded. Nothing here draws.
 */
import { QueryClient } from "@tanstack/query-core";
import { type Api, createApi, signInApi } from "./api/client";
import { Problem } from "./api/problem";
import { type Config, fetchConfig, type OidcConfig } from "./config";
import { firstReads } from "./pages/firstReads";
import { OidcSignIn } from "./session/oidc";
import { Session } from "./session/session";
import { startSession } from "./session/startSession";

const RETRIES_MAX = 2;

/** Rejects where the app cannot start. */
export const begun = fetchConfig().then(begin);
begun.catch(() => undefined); // Who draws says so.

function begin(config: Config) {
  const { signIn, refresh } = signInApi(config.apiUrl);
  const oidc = config.oidc === null ? null : issuerOf(config.oidc);
  const session = new Session({
    refresh: oidc?.refresh ?? refresh,
    storage: sessionStorage,
    tabs: new BroadcastChannel("breakwater.session"),
    wait: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
    now: Date.now,
  });
  const api = createApi(config.apiUrl, session);
  const queries = new QueryClient({
    // A no stays a no: only silence is asked again.
    defaultOptions: {
      queries: { retry: (failures, error) => !(error instanceof Problem) && failures < RETRIES_MAX },
    },
  });
  readWhenSignedIn(session, queries, api);
  const started = startSession(session, oidc);
  started.catch(() => undefined); // As above.
  return { config, api, session, signIn, oidc, queries, started };
}

function readWhenSignedIn(session: Session, queries: QueryClient, api: Api): void {
  let wasSignedIn = false;
  session.subscribe(() => {
    const { kind } = session.current();
    if (kind === "SIGNED_OUT") queries.clear(); // The next person sees nothing of this one.
    if (kind === "SIGNED_IN" && !wasSignedIn) {
      for (const read of firstReads(location.pathname, api)) void queries.prefetchQuery<unknown>(read);
    }
    wasSignedIn = kind === "SIGNED_IN";
  });
}

function issuerOf(config: OidcConfig): OidcSignIn {
  return new OidcSignIn(config, {
    origin: location.origin,
    storage: sessionStorage,
    fetch: (url, init) => fetch(url, init),
  });
}
