/**
 * One WebSocket that is there while it is wanted: opened again after it was lost, with other tokens where they are refused.
 *
 * Everything that it needs of the browser is given to it, so that tests have a clock and sockets of their own.
 */
import { readMessage } from "./messages";

export interface Socket {
  readonly send: (text: string) => void;
  readonly close: () => void;
}

/** What a socket tells whoever opened it. */
export interface SocketListener {
  readonly opened: () => void;
  readonly heard: (text: unknown) => void;
  readonly closed: (code: number) => void;
}

export interface ConnectionWorld {
  readonly open: (url: string, listener: SocketListener) => Socket;
  readonly now: () => number;
  /** Runs it later, and returns how to leave it. */
  readonly later: (run: () => void, milliseconds: number) => () => void;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly token: () => Promise<string | null>;
  readonly tokenAfterRefusalOf: (token: string) => Promise<string | null>;
}

export interface ConnectionRules {
  /** After so long without a word the connection is taken for lost. */
  readonly silenceMsMax: number;
  /** Asks for a word, where the server does not say one by itself. */
  readonly pingEveryMs?: number;
}

export type ConnectionState =
  | { readonly kind: "IDLE" }
  /** There is nothing yet that could be old. */
  | { readonly kind: "CONNECTING" }
  | { readonly kind: "LIVE" }
  /** Milliseconds since 1970: what is shown is as it was then. */
  | { readonly kind: "STALE"; readonly since: number };

export interface ConnectionListener {
  /** `isAfterRefusal`: the server ended the one before; what the caller may see may have changed. */
  readonly opened: (isAfterRefusal: boolean) => void;
  readonly heard: (message: { readonly type: string } & Record<string, unknown>) => void;
  readonly changed: () => void;
}

export const REFUSED = 4401;
export const BACKOFF_MS_FIRST = 500;
export const BACKOFF_MS_MAX = 15_000;
/** The server takes 20 messages a second. */
export const SEND_EVERY_MS = 60;
const REFUSED_AGAIN_WITHIN_MS = 60_000;
/** A browser does not say why a connection was not opened: after so many it may have been the token. */
const FAILURES_THAT_ASK_FOR_A_TOKEN = 2;

export class Connection {
  private state: ConnectionState = { kind: "IDLE" };
  private isWanted = false;
  private socket: Socket | null = null;
  private isOpen = false;
  private openedAt = 0;
  private heardAt: number | null = null;
  private failures = 0;
  private token: string | null = null;
  private refusedToken: string | null = null;
  private wasRefused = false;
  /** Counts what was begun: what belongs to one before is left alone. */
  private attempt = 0;
  private waiting: string[] = [];
  private sentAt = Number.NEGATIVE_INFINITY;
  private leaveSending: (() => void) | null = null;
  private leaveRetry: (() => void) | null = null;
  private leaveWatch: (() => void) | null = null;

  constructor(
    private readonly url: string,
    private readonly world: ConnectionWorld,
    private readonly rules: ConnectionRules,
    private readonly listener: ConnectionListener,
  ) {}

  readonly current = (): ConnectionState => this.state;

  start(): void {
    if (this.isWanted) return;
    this.isWanted = true;
    this.become({ kind: "CONNECTING" });
    void this.open();
  }

  /** Nothing of it goes on. */
  stop(): void {
    this.isWanted = false;
    this.failures = 0;
    this.heardAt = null;
    this.token = this.refusedToken = null;
    this.wasRefused = false;
    this.drop();
    this.become({ kind: "IDLE" });
  }

  /** Tries at once what would be tried later: the browser says that it is online again. */
  hurry(): void {
    if (this.leaveRetry === null) return;
    this.leaveRetry();
    this.leaveRetry = null;
    void this.open();
  }

  /** In its turn; left out where nobody is connected: who listens says all again when it is opened. */
  send(message: object): void {
    if (!this.isOpen) return;
    this.waiting.push(JSON.stringify(message));
    this.sendNext();
  }

  /** The server said that the caller is not, or not any more, who he was: begin again. */
  refused(): void {
    if (this.socket !== null) this.lost(REFUSED);
  }

  private async open(): Promise<void> {
    this.attempt += 1;
    const attempt = this.attempt;
    const refused = this.refusedToken;
    const token = await (refused === null
      ? this.world.token()
      : this.world.tokenAfterRefusalOf(refused)
    ).catch(() => null);
    if (attempt !== this.attempt || !this.isWanted) return;
    this.refusedToken = null;
    if (token === null) {
      this.retryLater(); // Signed out ends all of it from outside; otherwise the server was not reached.
      return;
    }
    this.token = token;
    const isCurrent = () => attempt === this.attempt;
    this.watch();
    this.socket = this.world.open(`${this.url}?token=${encodeURIComponent(token)}`, {
      opened: () => isCurrent() && this.begin(),
      heard: (text) => isCurrent() && this.hear(text),
      closed: (code) => isCurrent() && this.lost(code),
    });
  }

  private begin(): void {
    this.isOpen = true;
    this.openedAt = this.heardAt = this.world.now();
    this.become({ kind: "LIVE" });
    const isAfterRefusal = this.wasRefused;
    this.wasRefused = false;
    this.listener.opened(isAfterRefusal);
  }

  private hear(text: unknown): void {
    this.heardAt = this.world.now();
    this.failures = 0;
    const message = readMessage(text);
    if (message !== null) this.listener.heard(message);
  }

  private lost(code: number): void {
    const token = this.token;
    const wasOpen = this.isOpen;
    const livedMs = wasOpen ? this.world.now() - this.openedAt : 0;
    this.drop();
    if (code === REFUSED) {
      this.wasRefused = true;
      // After its hour a connection ends although the token may be good yet.
      if (livedMs < REFUSED_AGAIN_WITHIN_MS) this.refusedToken = token;
    } else if (!wasOpen && this.failures % FAILURES_THAT_ASK_FOR_A_TOKEN === 1) {
      this.refusedToken = token;
    }
    this.become(this.heardAt === null ? { kind: "CONNECTING" } : { kind: "STALE", since: this.heardAt });
    this.retryLater();
  }

  private retryLater(): void {
    const longest = Math.min(BACKOFF_MS_FIRST * 2 ** this.failures, BACKOFF_MS_MAX);
    this.failures = Math.min(this.failures + 1, 16);
    // Half of it is left to chance, so that those who lost the same server do not come back at once.
    const delayMs = longest * (0.5 + this.world.random() / 2);
    this.leaveRetry = this.world.later(() => {
      this.leaveRetry = null;
      void this.open();
    }, delayMs);
  }

  private watch(): void {
    const { silenceMsMax, pingEveryMs } = this.rules;
    const beganAt = this.world.now();
    let pingedAt = beganAt;
    const look = () => {
      const now = this.world.now();
      const lastWordAt = Math.max(beganAt, this.heardAt ?? 0);
      if (now - lastWordAt >= silenceMsMax) {
        this.lost(0);
        return;
      }
      if (pingEveryMs !== undefined && this.isOpen && now - Math.max(pingedAt, lastWordAt) >= pingEveryMs) {
        pingedAt = now;
        this.send({ action: "ping" });
      }
      this.leaveWatch = this.world.later(look, 1_000);
    };
    this.leaveWatch = this.world.later(look, 1_000);
  }

  private sendNext(): void {
    if (this.leaveSending !== null || this.waiting.length === 0) return;
    const waitMs = this.sentAt + SEND_EVERY_MS - this.world.now();
    if (waitMs > 0) {
      this.leaveSending = this.world.later(() => {
        this.leaveSending = null;
        this.sendNext();
      }, waitMs);
      return;
    }
    const text = this.waiting.shift();
    if (text === undefined || this.socket === null) return;
    this.sentAt = this.world.now();
    this.socket.send(text);
    this.sendNext();
  }

  private drop(): void {
    this.attempt += 1;
    for (const leave of [this.leaveRetry, this.leaveWatch, this.leaveSending]) leave?.();
    this.leaveRetry = this.leaveWatch = this.leaveSending = null;
    this.waiting = [];
    this.isOpen = false;
    this.socket?.close();
    this.socket = null;
  }

  private become(state: ConnectionState): void {
    this.state = state;
    this.listener.changed();
  }
}
