import "@mantine/core/styles.css";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createApi, signInApi } from "./api/client";
import { Problem } from "./api/problem";
import { App } from "./app/App";
import { readableColours, THEME } from "./app/theme";
import { fetchConfig, type OidcConfig } from "./config";
import { startLive } from "./live/live";
import { PlatformProvider } from "./platform";
import { OidcSignIn } from "./session/oidc";
import { Session } from "./session/session";
import { startSession } from "./session/startSession";

const RETRIES_MAX = 2;

async function start(): Promise<void> {
  const element = document.getElementById("root");
  if (element === null) throw new Error("index.html has no element with the id root");
  try {
    const config = await fetchConfig();
    const { signIn, refresh } = signInApi(config.apiUrl);
    const oidc = config.oidc === null ? null : issuerOf(config.oidc);
    const session = new Session({
      refresh: oidc?.refresh ?? refresh,
      storage: sessionStorage,
      tabs: new BroadcastChannel("breakwater.session"),
      wait: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
      now: Date.now,
    });
    const platform = {
      api: createApi(config.apiUrl, session),
      session,
      live: startLive(config, session),
      engineUrl: config.engineUrl,
      signIn,
      oidc,
    };
    const queries = new QueryClient({
      // A no stays a no: only silence is asked again.
      defaultOptions: {
        queries: { retry: (failures, error) => !(error instanceof Problem) && failures < RETRIES_MAX },
      },
    });
    session.subscribe(() => {
      if (session.current().kind === "SIGNED_OUT") queries.clear(); // The next person sees nothing of this one.
    });
    createRoot(element).render(
      <StrictMode>
        <MantineProvider theme={THEME} cssVariablesResolver={readableColours} defaultColorScheme="auto">
          <QueryClientProvider client={queries}>
            <PlatformProvider platform={platform}>
              <App />
            </PlatformProvider>
          </QueryClientProvider>
        </MantineProvider>
      </StrictMode>,
    );
    await startSession(session, oidc);
  } catch (error) {
    element.textContent = `Breakwater cannot start: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function issuerOf(config: OidcConfig): OidcSignIn {
  return new OidcSignIn(config, {
    origin: location.origin,
    storage: sessionStorage,
    fetch: (url, init) => fetch(url, init),
  });
}

void start();
