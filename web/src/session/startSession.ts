import { type OidcSignIn, RETURN_PATH } from "./oidc";
import type { Session } from "./session";

/** Goes on where this tab was; one that the issuer has sent back is signed in with what it brought. */
export async function startSession(session: Session, oidc: OidcSignIn | null): Promise<void> {
  if (oidc === null || location.pathname !== RETURN_PATH) return session.start();
  const returned = new URLSearchParams(location.search);
  history.replaceState(null, "", "/"); // The code is good once, and no reload shall try it again.
  const finished = await oidc.tryToFinish(returned);
  if (finished === null) return session.start();
  history.replaceState(null, "", finished.wanted);
  session.signedIn(finished.tokens);
}
