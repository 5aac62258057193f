/**
 * Who is signed in, in all tabs of the app.
 *
 * Tokens live in memory. What outlives a reload is the refresh token alone, in the tab's own sessionStorage, which ends
 * with the tab; nothing is ever in localStorage. Tabs tell each other who signed in and that somebody signed out.
 */

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  /** Seconds. */
  readonly expires_in: number;
}

export type SessionState =
  | { readonly kind: "STARTING" }
  | { readonly kind: "SIGNED_OUT" }
  | { readonly kind: "SIGNED_IN"; readonly accessToken: string };

/** What a refresh came to. ENDED: the session is over. UNREACHABLE: nobody knows, so it is tried again. */
export type Refreshed =
  | { readonly kind: "TOKENS"; readonly tokens: Tokens }
  | { readonly kind: "ENDED" | "UNREACHABLE" };

/** What the session needs of the browser and the server; tests bring their own. */
export interface SessionWorld {
  readonly refresh: (refreshToken: string) => Promise<Refreshed>;
  readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  readonly tabs: Pick<BroadcastChannel, "postMessage" | "onmessage">;
  readonly wait: (milliseconds: number) => Promise<void>;
  readonly now: () => number;
}

type TabMessage =
  | { readonly kind: "WHO_IS_SIGNED_IN" }
  | { readonly kind: "SIGNED_IN"; readonly refreshToken: string }
  | { readonly kind: "SIGNED_OUT" };

const STORED = "breakwater.refresh_token";
const TABS_ANSWER_WITHIN_MS = 200;
const REFRESH_BEFORE_END_MS = 60_000;
const TRY_AGAIN_AFTER_MS = 2_000;

export class Session {
  private state: SessionState = { kind: "STARTING" };
  private refreshToken: string | null = null;
  private endsAt = 0;
  private refreshing: Promise<void> | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly world: SessionWorld) {
    world.tabs.onmessage = (message) => this.hear(message.data as TabMessage);
  }

  /** For React's useSyncExternalStore. */
  readonly current = (): SessionState => this.state;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Goes on where this tab was before a reload, or with the session of another tab. */
  async start(): Promise<void> {
    this.refreshToken = this.world.storage.getItem(STORED);
    if (this.refreshToken === null) {
      this.tell({ kind: "WHO_IS_SIGNED_IN" });
      await this.world.wait(TABS_ANSWER_WITHIN_MS);
    }
    if (this.state.kind === "STARTING") await this.refreshUntilKnown();
  }

  signedIn(tokens: Tokens): void {
    this.keep(tokens);
    this.tell({ kind: "SIGNED_IN", refreshToken: tokens.refresh_token });
  }

  signedOut(): void {
    this.forget();
    this.tell({ kind: "SIGNED_OUT" });
  }

  /** One that is good for a while yet; null when nobody is signed in. Those who ask at once wait for one refresh. */
  async accessToken(): Promise<string | null> {
    if (this.state.kind === "SIGNED_IN" && this.world.now() > this.endsAt - REFRESH_BEFORE_END_MS) {
      await this.refreshOnce();
    }
    return this.state.kind === "SIGNED_IN" ? this.state.accessToken : null;
  }

  /** After the server refused this token: another one, or null when the session is over. */
  async afterRefusalOf(accessToken: string): Promise<string | null> {
    if (this.state.kind === "SIGNED_IN" && this.state.accessToken === accessToken) await this.refreshOnce();
    const token = this.state.kind === "SIGNED_IN" ? this.state.accessToken : null;
    return token === accessToken ? null : token;
  }

  private async refreshUntilKnown(): Promise<void> {
    while (this.state.kind === "STARTING") {
      await this.refreshOnce();
      if (this.state.kind === "STARTING") await this.world.wait(TRY_AGAIN_AFTER_MS);
    }
  }

  private refreshOnce(): Promise<void> {
    this.refreshing ??= this.refresh().finally(() => {
      this.refreshing = null;
    });
    return this.refreshing;
  }

  private async refresh(): Promise<void> {
    const asked = this.refreshToken;
    if (asked === null) return this.forget();
    const refreshed = await this.world.refresh(asked);
    // Somebody signed out or in meanwhile: what was asked before is no longer wanted.
    if (this.refreshToken !== asked) return;
    if (refreshed.kind === "TOKENS") this.keep(refreshed.tokens);
    if (refreshed.kind === "ENDED") this.forget();
  }

  private hear(message: TabMessage): void {
    if (
      message.kind === "WHO_IS_SIGNED_IN" &&
      this.state.kind === "SIGNED_IN" &&
      this.refreshToken !== null
    ) {
      this.tell({ kind: "SIGNED_IN", refreshToken: this.refreshToken });
    }
    if (message.kind === "SIGNED_OUT") this.forget();
    if (message.kind === "SIGNED_IN" && message.refreshToken !== this.refreshToken) {
      this.refreshToken = message.refreshToken;
      this.become({ kind: "STARTING" });
      void this.refreshUntilKnown();
    }
  }

  private keep(tokens: Tokens): void {
    this.refreshToken = tokens.refresh_token;
    this.endsAt = this.world.now() + tokens.expires_in * 1000;
    this.world.storage.setItem(STORED, tokens.refresh_token);
    this.become({ kind: "SIGNED_IN", accessToken: tokens.access_token });
  }

  private forget(): void {
    this.refreshToken = null;
    this.world.storage.removeItem(STORED);
    this.become({ kind: "SIGNED_OUT" });
  }

  private become(state: SessionState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }

  private tell(message: TabMessage): void {
    this.world.tabs.postMessage(message);
  }
}
