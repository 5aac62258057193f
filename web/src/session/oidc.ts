/**
 * Signing in at an issuer: the authorization code flow with PKCE (RFC 7636) of OpenID Connect.
 *
 * What belongs to one attempt is in the tab's sessionStorage until the issuer sends one back, and then nowhere.
 */
import type { OidcConfig } from "../config";
import type { Refreshed, Tokens } from "./session";

/** Where the issuer sends people back to. */
export const RETURN_PATH = "/signed-in";

export interface OidcWorld {
  readonly origin: string;
  readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

interface Attempt {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** The page that was wanted. */
  readonly wanted: string;
}

interface TokenAnswer {
  readonly access_token: string;
  readonly expires_in: number;
  readonly id_token?: string;
  /** Not in the answer to a refresh where the issuer lets the old one live. */
  readonly refresh_token?: string;
}

const STORED = "breakwater.sign_in";
const ANSWER_TIMEOUT_MS = 15_000;

export class OidcSignIn {
  /** Why the last attempt came to nothing. */
  refusal: string | null = null;

  constructor(
    private readonly config: OidcConfig,
    private readonly world: OidcWorld,
  ) {}

  /** The issuer's address to go to. */
  async begin(wanted: string): Promise<string> {
    const attempt: Attempt = { state: random(), nonce: random(), verifier: random(), wanted };
    this.world.storage.setItem(STORED, JSON.stringify(attempt));
    const url = new URL(this.config.authorizationUrl);
    const asked = {
      response_type: "code",
      client_id: this.config.clientId,
      redirect_uri: this.returnUrl,
      scope: this.config.scopes,
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await challengeOf(attempt.verifier),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
    return url.href;
  }

  /** After the issuer sent one back: the tokens, and the page that was wanted. Throws an Error in words for people. */
  async finish(returned: URLSearchParams): Promise<{ tokens: Tokens; wanted: string }> {
    const attempt = this.takeAttempt();
    // Whoever made this browser come here with a code of his own does not know the state.
    if (attempt === null || returned.get("state") !== attempt.state) {
      throw new Error("This sign-in was not begun in this tab. Please sign in again.");
    }
    const code = returned.get("code");
    if (code === null) {
      const why = returned.get("error_description") ?? returned.get("error") ?? "it sent no code";
      throw new Error(`The issuer did not sign you in: ${why}`);
    }
    const answer = await this.ask({
      grant_type: "authorization_code",
      code,
      redirect_uri: this.returnUrl,
      code_verifier: attempt.verifier,
    });
    if (!answer.ok)
      throw new Error(`The issuer refused the sign-in (${answer.status}). Please sign in again.`);
    const told = (await answer.json()) as TokenAnswer;
    // It came from the issuer itself over TLS, so its signature needs no check (OpenID Connect Core, 3.1.3.7).
    if (claimsOf(told.id_token).nonce !== attempt.nonce) {
      throw new Error("The issuer's answer belongs to another sign-in. Please sign in again.");
    }
    if (told.refresh_token === undefined) throw new Error("The issuer gave no refresh token.");
    return { tokens: { ...told, refresh_token: told.refresh_token }, wanted: attempt.wanted };
  }

  /** As `finish`; null, and `refusal`, where it came to nothing. */
  async tryToFinish(returned: URLSearchParams): Promise<{ tokens: Tokens; wanted: string } | null> {
    try {
      return await this.finish(returned);
    } catch (error) {
      this.refusal = error instanceof Error ? error.message : String(error);
      return null;
    }
  }

  /** For the session, in place of the API's own. */
  readonly refresh = async (refreshToken: string): Promise<Refreshed> => {
    try {
      const answer = await this.ask({ grant_type: "refresh_token", refresh_token: refreshToken });
      if (answer.ok) {
        const told = (await answer.json()) as TokenAnswer;
        return { kind: "TOKENS", tokens: { ...told, refresh_token: told.refresh_token ?? refreshToken } };
      }
      // 400 is `invalid_grant`: it was revoked, or is over.
      return { kind: answer.status === 400 || answer.status === 401 ? "ENDED" : "UNREACHABLE" };
    } catch {
      return { kind: "UNREACHABLE" };
    }
  };

  /** Where to go to be signed out there as well; null where there is no such page. */
  endUrl(): string | null {
    if (this.config.endSessionUrl === null) return null;
    const url = new URL(this.config.endSessionUrl);
    url.searchParams.set("client_id", this.config.clientId);
    // Cognito's name for it, and the standard's.
    url.searchParams.set("logout_uri", `${this.world.origin}/`);
    url.searchParams.set("post_logout_redirect_uri", `${this.world.origin}/`);
    return url.href;
  }

  private get returnUrl(): string {
    return `${this.world.origin}${RETURN_PATH}`;
  }

  private takeAttempt(): Attempt | null {
    const stored = this.world.storage.getItem(STORED);
    this.world.storage.removeItem(STORED); // It is good once.
    return stored === null ? null : (JSON.parse(stored) as Attempt);
  }

  private ask(terms: Record<string, string>): Promise<Response> {
    return this.world.fetch(this.config.tokenUrl, {
      method: "POST",
      body: new URLSearchParams({ client_id: this.config.clientId, ...terms }),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
  }
}

function random(): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier: string): Promise<string> {
  return base64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function claimsOf(token: string | undefined): Record<string, unknown> {
  try {
    const payload = (token ?? "").split(".")[1] ?? "";
    return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as Record<string, unknown>;
  } catch {
    return {};
  }
}
