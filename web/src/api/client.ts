/** The HTTP API, by the types of the committed OpenAPI document. */
import createClient, { type Client } from "openapi-fetch";
import type { Refreshed, Session, Tokens } from "../session/session";
import { Problem, Unreachable } from "./problem";
import type { paths } from "./schema";

export type Api = Client<paths>;

const ANSWER_TIMEOUT_MS = 35_000; // The gateway gives up at 30 s.

/** Calls with the session's token, and once more with another one where the server refuses it. */
export function createApi(apiUrl: string, session: Pick<Session, "accessToken" | "afterRefusalOf">): Api {
  const send = async (request: Request): Promise<Response> => {
    const token = await session.accessToken();
    const again = request.clone();
    const answer = await sendOnce(request, token);
    if (answer.status !== 401 || token === null) return answer;
    const other = await session.afterRefusalOf(token);
    return other === null ? answer : sendOnce(again, other);
  };
  return createClient<paths>({ baseUrl: apiUrl, fetch: send });
}

async function sendOnce(request: Request, token: string | null): Promise<Response> {
  if (token !== null) request.headers.set("Authorization", `Bearer ${token}`);
  try {
    const isOver = AbortSignal.any([request.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    return await fetch(request, { signal: isOver });
  } catch {
    throw new Unreachable();
  }
}

/** What an operation answered. Throws Problem for a no, and Unreachable where there was no answer. */
export async function answerOf<Data>(
  asked: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<Data> {
  const { data, error, response } = await asked;
  if (!response.ok) {
    const document = typeof error === "object" && error !== null ? error : {};
    throw new Problem(response.status, document);
  }
  return data as Data;
}

export interface SignIn {
  readonly username: string;
  readonly password: string;
  /** Of the authenticator app, where the person has one. */
  readonly code?: string;
  /** In place of the temporary one of an invitation. */
  readonly new_password?: string;
}

/** The two calls that are made without a session. */
export function signInApi(apiUrl: string) {
  const open = createClient<paths>({ baseUrl: apiUrl, fetch: (request) => sendOnce(request, null) });
  return {
    signIn: (terms: SignIn): Promise<Tokens> => answerOf(open.POST("/auth/sign-in", { body: terms })),
    refresh: async (refreshToken: string): Promise<Refreshed> => {
      try {
        const tokens = await answerOf(open.POST("/auth/refresh", { body: { refresh_token: refreshToken } }));
        return { kind: "TOKENS", tokens };
      } catch (error) {
        const isOver =
          error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429;
        return { kind: isOver ? "ENDED" : "UNREACHABLE" };
      }
    },
  };
}
