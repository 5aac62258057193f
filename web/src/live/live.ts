/** What is live in the app: made once, given to every page by the platform. */
import type { Config } from "../config";
import type { Session } from "../session/session";
import { Alerts } from "./alerts";
import { Channels } from "./channels";
import type { ConnectionWorld } from "./connection";
import { Frames } from "./frames";

export interface Live {
  readonly channels: Channels;
  readonly alerts: Alerts;
}

/** Ends with the session: what one person was told is not shown to the next. */
export function startLive(config: Config, session: Session): Live {
  const world: ConnectionWorld = {
    open: (url, listener) => {
      const socket = new WebSocket(url);
      socket.addEventListener("open", listener.opened);
      socket.addEventListener("message", (message) => listener.heard(message.data));
      socket.addEventListener("close", (end) => listener.closed(end.code));
      return { send: (text) => socket.send(text), close: () => socket.close() };
    },
    now: Date.now,
    later: (run, milliseconds) => {
      const timer = setTimeout(run, milliseconds);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    token: () => session.accessToken(),
    tokenAfterRefusalOf: (token) => session.afterRefusalOf(token),
  };
  const frames = new Frames({ nextFrame: (run) => void requestAnimationFrame(run), now: Date.now });
  const channels = new Channels(`${config.engineUrl.replace(/^http/, "ws")}/channels`, world, frames);
  const alerts = new Alerts(config.notificationsUrl, world);
  session.subscribe(() => {
    if (session.current().kind === "SIGNED_IN") return;
    channels.clear();
    alerts.clear();
  });
  window.addEventListener("online", () => {
    channels.hurry();
    alerts.hurry();
  });
  return { channels, alerts };
}
