/** Alerts as they are raised, taken up and escalated: the notifications' WebSocket, once for the whole app. */
import { Connection, type ConnectionState, type ConnectionWorld } from "./connection";
import type { LiveEvent } from "./messages";

/** The server says nothing by itself, and API Gateway ends what was silent for ten minutes. */
const PING_MS = 60_000;
const SILENCE_MS_MAX = 80_000;
const LINGER_MS = 3_000;
const KNOWN_MAX = 2_000;

export type AlertSeverity = "INFO" | "WARNING" | "ERROR" | "CRITICAL";

export interface LiveAlert {
  readonly what: "RAISED" | "ACKNOWLEDGED" | "ESCALATED" | "INCIDENT";
  readonly alert_id: string;
  readonly kind: string;
  readonly severity: AlertSeverity;
  readonly title: string;
  /** Only of one that was raised, or an incident. */
  readonly body: string;
  /** Null: it concerns the organisation. */
  readonly account_id: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Of one that was acknowledged. */
  readonly acknowledged_by: string | null;
}

const WHAT: Readonly<Record<string, LiveAlert["what"]>> = {
  "alerts.AlertRaised.v1": "RAISED",
  "alerts.AlertRaised.v2": "RAISED",
  "alerts.AlertAcknowledged.v1": "ACKNOWLEDGED",
  "alerts.AlertEscalated.v1": "ESCALATED",
  "alerts.IncidentCalled.v1": "INCIDENT",
};

interface AlertItem {
  readonly alert_id: string;
  readonly kind: string;
  readonly severity: AlertSeverity;
  readonly title: string;
  readonly body: string;
  readonly created_at: string;
}

export class Alerts {
  private readonly connection: Connection;
  private readonly listeners = new Set<(alert: LiveAlert) => void>();
  private readonly watchers = new Set<() => void>();
  /** Events that were told, and alerts that were raised: both may come again. */
  private readonly known = new Set<string>();
  /** Accounts whose first snapshot was taken: what is in a later one was missed. */
  private readonly begun = new Set<string>();
  private leaveEnd: (() => void) | null = null;
  private refused: string | null = null;

  constructor(
    url: string,
    private readonly world: ConnectionWorld,
  ) {
    this.connection = new Connection(
      url,
      world,
      { silenceMsMax: SILENCE_MS_MAX, pingEveryMs: PING_MS },
      {
        opened: () => this.connection.send({ action: "subscribe", channel: "alerts" }),
        heard: (message) => this.hear(message),
        changed: () => this.changed(),
      },
    );
  }

  readonly state = (): ConnectionState => this.connection.current();
  /** Why nothing is told, as the server said it: such as too many accounts for one subscription. */
  readonly error = (): string | null => this.refused;

  /** For the state and the error. */
  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  /** Each thing that happens to an alert from now on, once; also what happened while the connection was lost. */
  listen(listener: (alert: LiveAlert) => void): () => void {
    this.listeners.add(listener);
    this.leaveEnd?.();
    this.leaveEnd = null;
    this.connection.start();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.leaveEnd = this.world.later(() => this.clear(), LINGER_MS);
    };
  }

  hurry(): void {
    this.connection.hurry();
  }

  clear(): void {
    this.leaveEnd?.();
    this.leaveEnd = null;
    this.connection.stop();
    this.known.clear();
    this.begun.clear();
    this.refused = null;
    this.changed();
  }

  private hear(message: { readonly type: string } & Record<string, unknown>): void {
    if (message.type === "error") {
      if (message.code === "NOT_AUTHENTICATED") this.connection.refused();
      else this.refused = String(message.detail);
      this.changed();
    }
    if (message.channel !== "alerts") return;
    if (message.type === "update") this.tellEvent(message.event as LiveEvent);
    if (message.type === "snapshot") {
      this.refused = null;
      this.takeSnapshot(String(message.account_id), message.items as readonly AlertItem[]);
    }
  }

  private takeSnapshot(accountId: string, items: readonly AlertItem[]): void {
    const isFirst = !this.begun.has(accountId);
    this.begun.add(accountId);
    for (const item of items.toReversed()) {
      if (!this.isNew(item.alert_id) || isFirst) continue;
      this.tell({
        what: "RAISED",
        alert_id: item.alert_id,
        kind: item.kind,
        severity: item.severity,
        title: item.title,
        body: item.body,
        account_id: accountId,
        at: Date.parse(item.created_at),
        acknowledged_by: null,
      });
    }
  }

  private tellEvent(event: LiveEvent): void {
    const what = WHAT[event.topic];
    const alert = event.payload as Readonly<Record<string, string | undefined>>;
    const { alert_id } = alert;
    if (what === undefined || alert_id === undefined) return;
    if (!this.isNew(what === "RAISED" ? alert_id : event.event_id)) return;
    this.tell({
      what,
      alert_id,
      kind: alert.kind ?? "",
      severity: (alert.severity ?? "INFO") as AlertSeverity,
      title: alert.title ?? "",
      body: alert.body ?? "",
      account_id: event.account_id,
      at: event.occurred_at_ns / 1_000_000,
      acknowledged_by: alert.acknowledged_by ?? null,
    });
  }

  private isNew(id: string): boolean {
    if (this.known.has(id)) return false;
    this.known.add(id);
    for (const oldest of this.known) {
      if (this.known.size <= KNOWN_MAX) break;
      this.known.delete(oldest);
    }
    return true;
  }

  private tell(alert: LiveAlert): void {
    for (const listener of this.listeners) listener(alert);
  }

  private changed(): void {
    for (const watcher of this.watchers) watcher();
  }
}
