import { afterEach, describe, expect, it, vi } from "vitest";
import { answerOf, createApi, signInApi } from "./client";
import { Problem, Unreachable } from "./problem";

function serve(...answers: (Response | Error)[]): Request[] {
  const seen: Request[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    seen.push(request);
    const answer = answers.shift();
    if (answer === undefined || answer instanceof Error) throw answer ?? new TypeError("Failed to fetch");
    return answer;
  });
  return seen;
}

function json(status: number, body: unknown): Response {
  const type = status < 400 ? "application/json" : "application/problem+json";
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": type } });
}

const session = {
  accessToken: async () => "first",
  afterRefusalOf: async () => "second" as string | null,
};

afterEach(() => vi.unstubAllGlobals());

describe("a call", () => {
  it("carries the session's token", async () => {
    const seen = serve(json(200, { username: "ada" }));
    const me = await answerOf(createApi("http://api.test", session).GET("/me"));
    expect(me.username).toBe("ada");
    expect(seen[0]?.headers.get("Authorization")).toBe("Bearer first");
  });

  it("is made once more with another token where the first is refused, with the same body", async () => {
    const seen = serve(json(401, { code: "NOT_AUTHENTICATED" }), json(201, {}));
    const body = { node_id: "n", reason: "r" };
    await answerOf(createApi("http://api.test", session).POST("/limits/kill", { body } as never));
    expect(seen.map((each) => each.headers.get("Authorization"))).toEqual(["Bearer first", "Bearer second"]);
    expect(await seen[1]?.json()).toEqual(body);
  });

  it("that is refused is a Problem that knows its field", async () => {
    serve(
      json(422, {
        code: "INVALID_REQUEST",
        detail: "no",
        errors: [{ field: "quantity", message: "too small" }],
      }),
    );
    const failure = await answerOf(createApi("http://api.test", session).GET("/me")).catch((error) => error);
    expect(failure).toBeInstanceOf(Problem);
    expect([failure.code, failure.said]).toEqual([
      "INVALID_REQUEST",
      [{ field: "quantity", message: "too small" }],
    ]);
  });

  it("that nobody answers is Unreachable", async () => {
    serve(new TypeError("Failed to fetch"));
    await expect(createApi("http://api.test", session).GET("/me")).rejects.toBeInstanceOf(Unreachable);
  });
});

describe("a refresh", () => {
  it.each([
    [json(200, { access_token: "a", refresh_token: "r", expires_in: 3600 }), "TOKENS"],
    [json(401, {}), "ENDED"],
    [json(429, {}), "UNREACHABLE"],
    [json(503, {}), "UNREACHABLE"],
    [new TypeError("Failed to fetch"), "UNREACHABLE"],
  ])("tells what it came to", async (answer, kind) => {
    serve(answer);
    expect((await signInApi("http://api.test").refresh("r")).kind).toBe(kind);
  });
});
