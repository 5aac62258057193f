import "@mantine/core/styles.css";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { pageAt } from "./app/bar";
import { AREAS } from "./app/pages";
import { readableColours, THEME } from "./app/theme";
import { begun } from "./begin";
import { startLive } from "./live/live";
import { PlatformProvider } from "./platform";

async function start(): Promise<void> {
  const element = document.getElementById("root");
  if (element === null) throw new Error("index.html has no element with the id root");
  // What is wrong with the page's code is said where it is asked for again, to be shown.
  pageAt(location.pathname, AREAS)
    ?.load()
    .catch(() => undefined);
  try {
    const { config, queries, started, ...own } = await begun;
    const platform = { ...own, live: startLive(config, own.session), engineUrl: config.engineUrl };
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
    await started;
  } catch (error) {
    window.addEventListener("online", () => location.reload(), { once: true });
    element.textContent = `Breakwater cannot start: ${error instanceof Error ? error.message : String(error)}`;
  }
}

void start();
